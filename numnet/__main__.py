"""The command line: numnet train, evaluate, predict, check."""

import argparse
import importlib.util
import itertools
import sys
from pathlib import Path

import numpy as np

from numnet import __version__, data, runs
from numnet.activation import softmax
from numnet.data import images
from numnet.training import TrainingStopped

SETTINGS = "seed", "epochs", "batch_size", "lr", "momentum", "weight_decay"


def main(argv=None):
    """Run one command. Returns its exit code: 2 with one line for what cannot be."""
    if hasattr(sys.stdout, "reconfigure"):           # any name, on any code page
        sys.stdout.reconfigure(errors="backslashreplace")
    arguments = _parser().parse_args(argv)
    try:
        return arguments.command(arguments)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        print(f"numnet: {error.strerror or error}{where}", file=sys.stderr)
    except (ValueError, TrainingStopped) as error:
        print(f"numnet: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("numnet: stopped", file=sys.stderr)
        return 130
    return 2


def train(arguments):
    settings = {key: getattr(arguments, key) for key in SETTINGS
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
    config = runs.Config(data=name, **settings)
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
    config, model, tokenizer = runs.open_run(arguments.run)
    name = arguments.data or config.data
    _, test = data.load(name, config.seed)
    metrics, _ = runs.measure(model, runs.prepare(test, config, tokenizer),
                              config.answers)
    print("answer       precision  recall      F1  questions")
    for answer, row in metrics["answers"].items():
        print(f"{answer:12} {row['precision']:9.4f} {row['recall']:7.4f} "
              f"{row['f1']:7.4f} {row['questions']:10,}")
    print(f"test accuracy {100 * metrics['test_accuracy']:.2f} % of "
          f"{metrics['questions']:,} questions of {name} "
          f"(trained on {config.data}, {config.inputs})")
    return 0


def predict(arguments):
    config, model, tokenizer = runs.open_run(arguments.run)
    picture = images.resize(images.read(arguments.image), 64)
    _, lengths = tokenizer.encode([arguments.question])
    unknown = tokenizer.unknown(arguments.question)
    if len(unknown) == lengths[0]:
        raise ValueError("the model has never read a word of this question: "
                         + ", ".join(unknown))
    if unknown:
        print("words the model has never read: " + ", ".join(unknown), file=sys.stderr)
    asked = data.Questions(picture[None], np.zeros(1, np.int64), [arguments.question],
                           [config.answers[0]])      # some answer: it is not looked at
    inputs, _ = runs.prepare(asked, config, tokenizer).batch([0])
    z, _ = model(**inputs)
    p, _ = softmax(z)
    for k in np.argsort(-p[0], kind="stable")[:arguments.top]:
        print(f"{config.answers[k]:12} {100 * p[0, k]:6.2f} %")
    return 0


def check(arguments):
    from numnet.study import gradcheck
    return gradcheck.main()


def _parser():
    parser = argparse.ArgumentParser(prog="numnet", description=(
        "Neural networks in NumPy, every backward pass by hand, next to its equation."))
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(run, text):
        added = commands.add_parser(run.__name__, help=text, description=text)
        added.set_defaults(command=run)
        return added

    added = command(train, "Train the image and text classifier.")
    added.add_argument("--data", choices=data.NAMES,
                       help="easy-vqa if it is installed, otherwise shapes")
    added.add_argument("--epochs", type=_whole(1))
    added.add_argument("--seed", type=_whole(0))
    added.add_argument("--batch-size", type=_whole(1),
                       help="pictures in a batch, each with all its questions")
    added.add_argument("--lr", type=float, help="learning rate")
    added.add_argument("--momentum", type=float)
    added.add_argument("--weight-decay", type=float)
    added.add_argument("--out", metavar="DIR", help="a new directory for the run")
    added.add_argument("--ablation", action="store_true",
                       help="train on each input alone too, and compare")
    added.add_argument("--resume", metavar="RUN",
                       help="go on with a run that was stopped, as it was configured")

    added = command(evaluate, "Measure a run on the test questions.")
    added.add_argument("run", metavar="RUN")
    added.add_argument("--data", choices=data.NAMES, help="other data than its own")

    added = command(predict, "Ask a run a question about a picture.")
    added.add_argument("run", metavar="RUN")
    added.add_argument("--image", required=True, metavar="FILE", help="PNG or JPEG")
    added.add_argument("--question", required=True)
    added.add_argument("--top", type=_whole(1), default=3, help="how many answers")

    command(check, "Check the gradient of every argument of every op.")
    return parser


def _whole(least):
    def whole_number(text):
        if int(text) < least:
            raise ValueError
        return int(text)
    return whole_number


if __name__ == "__main__":
    sys.exit(main())
