"""The command line: numnet train, evaluate, predict, check, formulas, step, book."""

import argparse
import importlib.util
import itertools
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from numnet import __version__, data, recipes, runs
from numnet.activation import sigmoid, softmax
from numnet.data import denoise, derived, images
from numnet.data import sort_of_clevr as clevr
from numnet.data.text import Tokenizer, split
from numnet.evaluation import measure
from numnet.training import TrainingStopped, evaluating, stream

CHOSEN = ("model", "task", "fusion", "text", "seed", "epochs", "batch_size",
          "optimizer", "lr", "momentum", "weight_decay", "warmup")


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
        return 1
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        print(f"numnet: {error.strerror or error}{where}", file=sys.stderr)
    except (ValueError, OverflowError, TrainingStopped) as error:
        print(f"numnet: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("numnet: stopped", file=sys.stderr)
        return 130
    return 2


def train(arguments):
    settings = {key: getattr(arguments, key) for key in CHOSEN
                if getattr(arguments, key) is not None}
    if arguments.resume:
        if settings or arguments.data or arguments.out or arguments.ablation:
            raise ValueError("--resume goes on with a run as it was configured: "
                             "it takes no other option")
        runs.go_on(arguments.resume)
        return 0
    name = arguments.data
    if name is None:
        name = "easy-vqa" if importlib.util.find_spec("easy_vqa") else "shapes"
        print("data: " + ("easy-vqa, since its package is installed"
                          if name == "easy-vqa" else
                          "generated shapes, since the package easy-vqa is not "
                          "installed (pip install numnet[vqa])"))
    config = recipes.configure(data=name, **settings)
    folder = arguments.out or _free_folder(name)
    if arguments.ablation:
        runs.ablate(config, folder)
    else:
        runs.start(config, folder)
    return 0


def _free_folder(name):
    for k in itertools.count(1):
        folder = Path("runs") / f"{name}-{k}"
        if not folder.exists():
            return folder


def evaluate(arguments):
    config, model, task = runs.open_run(arguments.run)
    name = arguments.data or config.data
    if name == "sort-of-clevr" or config.data == "sort-of-clevr":
        if name != config.data or arguments.noise or arguments.denoise:
            raise ValueError("sort-of-clevr has pictures and questions of its own: its "
                             "runs are evaluated on them, without noise, and no others")
        test = recipes.examples(config)[2]
    else:
        questions = recipes.sources(replace(config, data=name))[2]
        spoilt = questions.images
        if arguments.noise:
            spoilt = denoise.add_noise(spoilt, arguments.noise,
                                       stream("noise", config.seed))
        if arguments.denoise:
            spoilt = denoise.remove_noise(spoilt, arguments.denoise)
        test = recipes.prepare(replace(questions, images=spoilt), config)
    metrics, _ = measure(config, model, task, test)
    if "answers" in metrics:
        print("answer       precision  recall      F1  questions")
        for answer, row in metrics["answers"].items():
            print(f"{answer:12} {row['precision']:9.4f} {row['recall']:7.4f} "
                  f"{row['f1']:7.4f} {row['questions']:10,}")
    print(f"{runs.summary(metrics)} of {name} (trained on {config.data}, "
          f"{config.inputs})")
    return 0


def predict(arguments):
    config, model, _ = runs.open_run(arguments.run)
    if config.task == "match":
        raise ValueError("this run matches captions and pictures, it takes no question")
    measures = {tuple(split(text)): numbers
                for text, numbers in derived.MEASURES.items()}
    if config.task == "measure" and tuple(split(arguments.question)) not in measures:
        raise ValueError("this run measures; its questions are: "
                         + " ".join(derived.MEASURES))
    tokenizer = Tokenizer(config.words)
    relational = config.data == "sort-of-clevr"
    side = clevr.SIZE if relational else 64
    picture = images.resize(images.read(arguments.image), side)[None]
    ids, lengths = tokenizer.encode([arguments.question])
    unknown = tokenizer.unknown(arguments.question)
    if len(unknown) == lengths[0]:
        raise ValueError("the model has never read a word of this question: "
                         + ", ".join(unknown))
    if unknown:
        print("words the model has never read: " + ", ".join(unknown), file=sys.stderr)
    one = np.zeros(1, np.int64)
    if relational:
        inputs = {"images": images.prepare(picture, factor=1), "ids": ids,
                  "lengths": lengths, "question": one[:, None]}
    else:                              # some answer: it is not looked at
        asked = data.Questions(picture, one, [arguments.question],
                               [config.answers[0] if config.answers else "0"])
        inputs, _ = recipes.prepare(asked, config).batch(one)
    with evaluating(model):
        z = model(**inputs)[0].reshape(-1)
    if config.task == "measure":
        usual, spread = measures[tuple(split(arguments.question))]
        print(f"{usual + spread * float(z[0]):.3f}")
        return 0
    if config.task == "yes-no":
        yes = sigmoid(z)[0][0]
        p = np.array([1 - yes, yes])
    else:
        p = softmax(z)[0]
    for k in np.argsort(-p, kind="stable")[:arguments.top]:
        print(f"{config.answers[k]:12} {100 * p[k]:6.2f} %")
    return 0


def check(arguments):
    from numnet.study import gradcheck
    return gradcheck.main()


def formulas(arguments):
    from numnet.study import formulas
    return formulas.main(arguments)


def step(arguments):
    from numnet.study import walk
    return walk.main(arguments)


def book(arguments):
    from numnet.study import book
    return book.main(arguments)


def _parser():
    parser = argparse.ArgumentParser(prog="numnet", description=(
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
            ("task", "a word for an answer; yes or no; a measure; matching captions"),
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

    added = command(book, "Write the web book: lessons, and code beside its formulas.")
    added.add_argument("-o", "--out", metavar="DIR", required=True,
                       help="where to; open DIR/index.html")
    return parser


def _whole(least):
    def whole_number(text):
        if int(text) < least:
            raise ValueError
        return int(text)
    return whole_number


if __name__ == "__main__":
    sys.exit(main())
