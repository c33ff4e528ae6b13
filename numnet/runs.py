"""A run: one training and all that came of it, in one directory.

    config.json     what was asked for, with the vocabulary and the answers
    checkpoint.npz  weights, optimiser and history after the last whole epoch
    weights.npz     the weights alone
    history.csv     one line an epoch
    metrics.json    test accuracy, precision, recall and F1 of each answer, seconds
    curves.png, confusion.png

Every file is written whole or not at all. A run that was stopped goes on from its last
whole epoch with the very numbers it would have had.
"""

import csv
import io
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from numnet import checkpoint, data
from numnet.data.examples import Examples
from numnet.data.text import Tokenizer
from numnet.metrics import accuracy, confusion_matrix, precision_recall_f1
from numnet.models import fusion_classifier
from numnet.optim import SGD, expect_setting
from numnet.training import COLUMNS, evaluate, fit, stream

INPUTS = {"both": None, "image only": "question", "text only": "image",
          "shuffled questions": "pairing"}           # what each hides


@dataclass(frozen=True)
class Config:
    """What one run was asked to do; the rest follows from it, number for number.

    Raises ValueError for a setting of another kind or out of range.
    """

    data: str
    seed: int = 0
    epochs: int = 8
    batch_size: int = 8                # pictures, each with all its questions
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 0.0
    max_norm: float = 1.0
    validation: float = 0.1            # share of the training pictures set aside
    inputs: str = "both"
    words: tuple = ()                  # filled in from the training texts
    answers: tuple = ()

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            kinds = (int, float) if field.type is float else field.type
            if not isinstance(value, kinds) or isinstance(value, bool):
                raise ValueError(f"Config: {field.name} must be a {field.type.__name__}"
                                 f", got {value!r}")
        for name, least in ("seed", 0), ("epochs", 1), ("batch_size", 1):
            if getattr(self, name) < least:
                raise ValueError(f"Config: {name} must be at least {least}, "
                                 f"got {getattr(self, name)}")
        expect_setting("Config", "lr", self.lr)
        expect_setting("Config", "momentum", self.momentum, below=1)
        expect_setting("Config", "weight_decay", self.weight_decay)
        expect_setting("Config", "max_norm", self.max_norm, above=0)
        if self.inputs not in INPUTS:
            raise ValueError(f"Config: inputs must be one of {', '.join(INPUTS)}, "
                             f"got {self.inputs!r}")
        if not all(isinstance(text, str) for text in self.words + self.answers):
            raise ValueError("Config: words and answers must be strings")


def start(config, folder, say=print):
    """Train a new run into a folder, which must not hold one. Returns its metrics."""
    folder = Path(folder)
    expect_empty(folder)
    train, _ = data.load(config.data, config.seed)
    rest, _ = split(train, config)
    config = Config(**{**asdict(config),
                       "words": tuple(Tokenizer.fit(rest.question).words[2:]),
                       "answers": tuple(sorted(set(train.answer)))})
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint.write_text(folder / "config.json",
                          json.dumps(asdict(config), indent=1, ensure_ascii=False))
    return go_on(folder, say)


def expect_empty(folder):
    """Refuse a directory that holds anything, rather than write over it."""
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty: choose another --out, or go on "
                              "with a run that was stopped by --resume RUN")


def go_on(folder, say=print):
    """Train a run from its last whole epoch to its end. Returns its metrics."""
    folder = Path(folder)
    config = read_config(folder)
    model, tokenizer = build(config)
    optimizer = SGD(model.parameters(), config.lr, config.momentum, config.weight_decay)
    history = []
    if (folder / "checkpoint.npz").is_file():
        history = _restore(folder / "checkpoint.npz", model, optimizer)

    train, test = data.load(config.data, config.seed)
    train, validation = split(train, config)
    train, validation, test = (prepare(questions, config, tokenizer)
                               for questions in (train, validation, test))
    parameters = sum(p.value.size for p in model.parameters())
    say(f"{config.data}, {config.inputs}: "
        f"{len(train.images):,} + {len(validation.images):,} + {len(test.images):,} "
        f"pictures and {len(train.label):,} + {len(validation.label):,} + "
        f"{len(test.label):,} questions to train, validate and test; "
        f"{parameters:,} parameters; writing to {folder}")
    for row in history:
        say(describe(row, config) + "  (done before)")

    def write_weights(history):
        checkpoint.save(folder / "weights.npz", model.state_dict())
        checkpoint.write_text(folder / "history.csv", _table(history))

    if history:                        # it may have been stopped between two files
        write_weights(history)

    def on_epoch(history):
        checkpoint.save(folder / "checkpoint.npz", {
            **{f"model.{name}": value for name, value in model.state_dict().items()},
            **{f"optimizer.{name}": v for name, v in optimizer.state_dict().items()},
            **{f"history.{name}": np.array([row[name] for row in history])
               for name in history[0]}})
        write_weights(history)
        say(describe(history[-1], config))

    history = fit(model, optimizer, train, validation, epochs=config.epochs,
                  batch_size=config.batch_size, seed=config.seed,
                  max_norm=config.max_norm, history=history, on_epoch=on_epoch)
    metrics, matrix = measure(model, test, config.answers)
    metrics |= {"validation_accuracy": history[-1]["validation_accuracy"],
                "seconds": sum(row["seconds"] for row in history),
                "parameters": parameters}
    checkpoint.write_text(folder / "metrics.json", json.dumps(metrics, indent=1))
    from numnet.study import plots
    plots.curves(history, folder / "curves.png")
    plots.confusion(matrix, config.answers, folder / "confusion.png")
    say(f"test accuracy {100 * metrics['test_accuracy']:.2f} % of {len(test.label):,} "
        f"questions, after {metrics['seconds']:.1f} s of training")
    return metrics


def ablate(config, folder, say=print):
    """Train on both inputs, on each alone, and on shuffled questions, and compare."""
    folder = Path(folder)
    expect_empty(folder)
    accuracies = {}
    for inputs in INPUTS:
        one = Config(**{**asdict(config), "inputs": inputs})
        name = "fused" if inputs == "both" else inputs
        metrics = start(one, folder / name.replace(" ", "-"), say)
        accuracies[name] = metrics["test_accuracy"]
    checkpoint.write_text(folder / "ablation.json", json.dumps(accuracies, indent=1))
    from numnet.study import plots
    plots.ablation(accuracies, folder / "ablation.png")
    return accuracies


def open_run(folder):
    """The config, the trained model and the tokenizer of a run.

    Raises FileNotFoundError when there is no run, ValueError when a file is damaged or
    the weights are of another model.
    """
    folder = Path(folder)
    config = read_config(folder)
    model, tokenizer = build(config)
    path = folder / "weights.npz"
    weights = checkpoint.load(path)
    try:
        model.load_state_dict(weights)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return config, model, tokenizer


def read_config(folder):
    """The Config of a run's directory."""
    path = Path(folder) / "config.json"
    if not path.is_file():
        raise FileNotFoundError(f"{folder} is not a run: there is no {path}")
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(entries, dict):
            raise ValueError("it is no JSON object")
        names = {field.name for field in fields(Config)}
        if entries.keys() != names:
            raise ValueError(f"missing {sorted(names - entries.keys())}, "
                             f"not expected {sorted(entries.keys() - names)}")
        return Config(**{name: tuple(value) if isinstance(value, list) else value
                         for name, value in entries.items()})
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a run's config: {error}") from error


def build(config):
    """The untrained model of a run, its weights drawn from its seed; its tokenizer."""
    tokenizer = Tokenizer(config.words)
    model = fusion_classifier(len(tokenizer), len(config.answers),
                              stream("weights", config.seed))
    return model, tokenizer


def split(train, config):
    return data.split_by_image(train, config.validation, stream("split", config.seed))


def prepare(questions, config, tokenizer):
    """Questions as the Examples of this run, with what it must not see hidden."""
    examples = Examples.of(questions, tokenizer, config.answers)
    hidden = INPUTS[config.inputs]
    return examples.without(hidden, stream("hide", config.seed)) if hidden else examples


def measure(model, test, answers):
    """The metrics of a model on examples, and the confusion matrix."""
    loss, predicted = evaluate(model, test)
    matrix = confusion_matrix(predicted, test.label, len(answers))
    rows = zip(answers, *precision_recall_f1(predicted, test.label, len(answers)),
               matrix.sum(axis=1))
    return {"test_accuracy": accuracy(predicted, test.label), "test_loss": loss,
            "questions": len(test.label),
            "answers": {answer: {"precision": float(p), "recall": float(r),
                                 "f1": float(f), "questions": int(count)}
                        for answer, p, r, f, count in rows}}, matrix


def describe(row, config):
    return (f"epoch {row['epoch']}/{config.epochs}  loss {row['loss']:.4f}  "
            f"accuracy {100 * row['train_accuracy']:.2f} %  "
            f"validation {100 * row['validation_accuracy']:.2f} %  "
            f"{row['seconds']:.1f} s")


def _restore(path, model, optimizer):
    """Set model and optimiser to a checkpoint; return its history."""
    arrays = checkpoint.load(path)

    def part(name):
        return {key.removeprefix(name): value for key, value in arrays.items()
                if key.startswith(name)}

    try:
        columns = {name: column.tolist() for name, column in part("history.").items()}
        if columns.keys() != set(COLUMNS):
            raise ValueError(f"its history must have {', '.join(COLUMNS)}, "
                             f"got {', '.join(columns)}")
        history = [dict(zip(columns, row, strict=True))
                   for row in zip(*columns.values(), strict=True)]
        model.load_state_dict(part("model."))
        optimizer.load_state_dict(part("optimizer."))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None
    return history


def _table(history):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, history[0])
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()
