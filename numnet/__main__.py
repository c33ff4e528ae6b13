"""The command line: numnet train, evaluate, predict, and the reader's instruments."""

import argparse
import os
import sys

from numnet import __version__, parallel, recipes
from numnet.commands import evaluate, predict, train
from numnet.training import TrainingStopped


def main(argv=None):
    """Run one command. Returns its exit code: 2 with one line for what cannot be."""
    if hasattr(sys.stdout, "reconfigure"):           # any name, on any code page
        sys.stdout.reconfigure(errors="backslashreplace")
    arguments = _parser().parse_args(argv)
    try:
        code = arguments.command(arguments)
        sys.stdout.flush()
        return code
    except BrokenPipeError:                          # whoever read has enough: | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return parallel.end(1)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        return parallel.fail(f"{error.strerror or error}{where}")
    except (ValueError, OverflowError, TrainingStopped) as error:
        return parallel.fail(error)
    except KeyboardInterrupt:
        return parallel.fail("stopped", 130)


def explain(arguments):
    from numnet.study import explain
    return explain.main(arguments)


def search(arguments):
    from numnet.study import search
    return search.main(arguments)


def export(arguments):
    from numnet.study import export
    return export.main(arguments)


def check(arguments):
    from numnet.study import gradcheck
    return gradcheck.main()


def formulas(arguments):
    from numnet.study import formulas
    return formulas.main(arguments)


def step(arguments):
    from numnet.study import walk
    return walk.main(arguments)


def lesson(arguments):
    from numnet.study import classroom
    return classroom.main(arguments)


def book(arguments):
    from numnet.study import book
    return book.main(arguments)


def practice(arguments):
    from numnet.study import practice
    return practice.main(arguments)


def caption(arguments):
    from numnet.study import captioning
    return captioning.main(arguments)


class _Parser(argparse.ArgumentParser):
    """As its parent, but what is wrong in all processes of a team is said once."""

    def error(self, message):
        parallel.give_way()
        super().error(message)


def _parser():
    parser = _Parser(prog="numnet", description=(
        "Neural networks in NumPy, every backward pass by hand, next to its equation."))
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(run, text):
        added = commands.add_parser(run.__name__, help=text, description=text)
        added.set_defaults(command=run)
        return added

    added = command(train, "Train a network on pictures and texts.")
    added.add_argument("--data", choices=recipes.CHOICES["data"],
                       help="easy-vqa if it is installed, otherwise shapes")
    for name, text in (
            ("task", "what is answered: a word, yes or no, a measure, a caption"),
            ("fusion", "how picture and text are joined"),
            ("text", "what reads the text"),
            ("model", "article: the network of the article's listing"),
            ("optimizer", "sgd, with momentum, or adam")):
        added.add_argument(f"--{name}", choices=recipes.CHOICES[name], help=text)
    added.add_argument("--epochs", type=_whole(1))
    added.add_argument("--seed", type=_whole(0))
    added.add_argument("--batch-size", type=_whole(1),
                       help="pictures in a batch, each with all its questions")
    added.add_argument("--lr", type=float, help="learning rate")
    added.add_argument("--momentum", type=float)
    added.add_argument("--weight-decay", type=float)
    added.add_argument("--warmup", type=float,
                       help="share of all steps in which the learning rate rises")
    added.add_argument("--out", metavar="DIR", help="a new directory for the run")
    added.add_argument("--ablation", action="store_true",
                       help="train on each input alone too, and compare")
    added.add_argument("--resume", metavar="RUN",
                       help="go on with a run that was stopped, as it was configured")
    added.add_argument("--parallel", action="store_true",
                       help="with all processes that mpiexec started")

    added = command(evaluate, "Measure a run on the test questions.")
    added.add_argument("run", metavar="RUN")
    added.add_argument("--data", choices=recipes.CHOICES["data"],
                       help="other data than its own")
    added.add_argument("--noise", metavar="KIND:NUMBER",
                       help="spoil the pictures: salt-and-pepper:0.05 or gaussian:20")
    added.add_argument("--denoise", metavar="FILTER",
                       help="filter the pictures: median, median:5 or gaussian:1")

    added = command(predict, "Ask a run a question about a picture.")
    added.add_argument("run", metavar="RUN")
    added.add_argument("--image", required=True, metavar="FILE", help="PNG or JPEG")
    added.add_argument("--question", required=True)
    added.add_argument("--top", type=_whole(1), default=3, help="how many answers")

    added = command(explain, "Draw what in a picture and a question moved the answer.")
    added.add_argument("run", metavar="RUN")
    added.add_argument("--image", required=True, metavar="FILE", help="PNG or JPEG")
    added.add_argument("--question", required=True)
    added.add_argument("-o", "--out", default="explain.png", metavar="FILE.png")

    added = command(caption, "Write a caption for a picture.")
    added.add_argument("run", metavar="RUN", help="trained by --task caption")
    added.add_argument("--image", required=True, metavar="FILE", help="PNG or JPEG")
    added.add_argument("--beam", type=_whole(1), default=3, metavar="K",
                       help="how many beginnings are kept while writing; 1 is greedy")
    added.add_argument("-o", "--out", metavar="FILE.png",
                       help="draw where it looks for each word")

    added = command(search, "Find pictures for a caption, or captions for a picture.")
    added.add_argument("run", metavar="RUN", help="trained by --task match")
    wanted = added.add_mutually_exclusive_group(required=True)
    wanted.add_argument("caption", nargs="?", metavar="CAPTION")
    wanted.add_argument("--image", metavar="FILE", help="PNG or JPEG: rank captions")
    added.add_argument("--top", type=_whole(1), default=10, help="how many are shown")
    added.add_argument("-o", "--out", metavar="FILE.png",
                       help="where the pictures are drawn (search.png)")

    added = command(export, "Write a run's network for PyTorch.")
    added.add_argument("run", metavar="RUN")
    added.add_argument("-o", "--out", required=True, metavar="DIR",
                       help="a new directory")
    added.add_argument("--verify", action="store_true",
                       help="compare the two in float64; needs PyTorch")

    command(check, "Check the gradient of every argument of every op.")

    added = command(formulas, "Show the formulas, and the line that computes each.")
    added.add_argument("name", nargs="?", metavar="TAG or OP",
                       help="one formula, as attention.2, or those of one op")

    added = command(step, "Walk through an op, forward and backward, line by line.")
    added.add_argument("op", nargs="?", metavar="OP",
                       help="an op or a layer; without it, the list of them")
    added.add_argument("--model", action="store_true",
                       help="a whole network: 2 pictures and 3 questions")
    added.add_argument("--run", metavar="RUN", help="the trained network of a run")
    added.add_argument("--all", action="store_true", help="do not stop at each line")
    added.add_argument("--turns", action="store_true",
                       help="every turn of a loop, not the first alone")

    added = command(lesson, "List the lessons, or go through one.")
    added.add_argument("number", nargs="?", type=_whole(1), metavar="N")
    added.add_argument("--time", action="store_true", help="how long each takes here")
    added.add_argument("--step", action="store_true", help="cell by cell")
    added.add_argument("--notebook", metavar="FILE", help="write it as .ipynb")

    added = command(book, "Write the web book: lessons, and code beside its formulas.")
    added.add_argument("-o", "--out", metavar="DIR", required=True,
                       help="where to; open DIR/index.html")

    added = command(practice, "Write a backward, and be told what is wrong with it.")
    added.add_argument("action", choices=["list", "start", "check", "hint", "solution"])
    added.add_argument("name", nargs="?", metavar="NAME",
                       help="an exercise; without it, the one started last")
    added.add_argument("--again", action="store_true",
                       help="start: over what is there")
    added.add_argument("--reveal", action="store_true",
                       help="solution: before yours is right")
    return parser


def _whole(least):
    def whole_number(text):
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError("must be a whole number, at least "
                                             f"{least}, got {text!r}")
        return int(text)
    return whole_number


if __name__ == "__main__":
    sys.exit(main())
