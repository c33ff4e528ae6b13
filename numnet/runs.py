"""A run: one training and all that came of it, in one directory.

    config.json     what was asked for, with the vocabulary and the answers
    checkpoint.npz  weights, optimiser and history after the last whole epoch
    weights.npz     the weights alone
    history.csv     one line an epoch
    metrics.json    test accuracy, precision, recall and F1 of each answer, seconds
    curves.png, confusion.png

Every file is written whole or not at all. A run that was stopped goes on from its last
whole epoch with the very numbers it would have had. In a team of processes all call the
same functions, and the first one alone reads and writes the directory and speaks.
"""

import csv
import io
import json
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np

from numnet import checkpoint
from numnet.evaluation import measure
from numnet.parallel import ALONE
from numnet.recipes import INPUTS, Config, build, complete, examples, optimizer_of
from numnet.training import COLUMNS, fit


def start(config, folder, say=print, team=ALONE):
    """Train a new run into a folder, which must not hold one. Returns its metrics."""
    folder = Path(folder)
    expect_shares(config, team)

    def begin():
        expect_empty(folder)
        whole = complete(config)
        folder.mkdir(parents=True, exist_ok=True)
        checkpoint.write_text(folder / "config.json",
                              json.dumps(asdict(whole), indent=1, ensure_ascii=False))

    team.first(begin)
    return go_on(folder, say, team)


def expect_shares(config, team):
    """Refuse to share out batches whose loss is not a mean over their examples."""
    if config.task == "match" and team is not ALONE:
        raise ValueError("--task match does not go with --parallel: its loss weighs "
                         "all pictures and texts of a batch against each other")


def expect_empty(folder):
    """Refuse a directory that holds anything, rather than write over it."""
    if folder.exists() and {*folder.iterdir()} - {*checkpoint.leftovers(folder)}:
        raise FileExistsError(f"{folder} is not empty: choose another --out, or go on "
                              "with a run that was stopped by --resume RUN")


def go_on(folder, say=print, team=ALONE):
    """Train a run from its last whole epoch to its end. Returns its metrics."""
    folder = Path(folder)
    path = folder / "checkpoint.npz"

    def found():
        config = read_config(folder)
        for file in checkpoint.leftovers(folder):
            file.unlink(missing_ok=True)
        return config, checkpoint.load(path) if path.is_file() else None

    config, saved = team.first(found)
    expect_shares(config, team)
    model, task = build(config)
    optimizer = optimizer_of(config, model)
    history = _restore(path, saved, model, optimizer) if saved else []

    train, validation, test = examples(config)
    parameters = sum(p.value.size for p in model.parameters())
    say = say if team.leads else _nothing
    there = (f"{config.data}, {config.task}, {config.inputs}: {_count(train)} to train "
             f"on, {_count(validation)} to validate, {_count(test)} to test")
    every = sorted(set(team.gather([there])))
    if len(every) > 1:
        raise ValueError("the processes have different data: " + "; ".join(every))
    say(f"{there}; {parameters:,} parameters; writing to {folder}")
    for row in history:
        say(describe(row, config, task) + "  (done before)")

    def write_weights(history):
        checkpoint.save(folder / "weights.npz", model.state_dict())
        checkpoint.write_text(folder / "history.csv", _table(history))

    if history and team.leads:         # it may have been stopped between two files
        write_weights(history)

    def on_epoch(history):
        checkpoint.save(path, {
            **{f"model.{name}": value for name, value in model.state_dict().items()},
            **{f"optimizer.{name}": v for name, v in optimizer.state_dict().items()},
            **{f"history.{name}": np.array([row[name] for row in history])
               for name in history[0]}})
        write_weights(history)
        say(describe(history[-1], config, task))

    history = fit(model, optimizer, train, validation, epochs=config.epochs,
                  batch_size=config.batch_size, seed=config.seed,
                  max_norm=config.max_norm, warmup=config.warmup, hold=config.hold,
                  task=task, history=history, team=team,
                  on_epoch=on_epoch if team.leads else None)

    def finish():
        metrics, matrix = measure(config, model, task, test)
        metrics |= {f"validation_{task.rating}": history[-1]["validation_rating"],
                    "seconds": sum(row["seconds"] for row in history),
                    "parameters": parameters}
        checkpoint.write_text(folder / "metrics.json", json.dumps(metrics, indent=1))
        from numnet.study import plots
        plots.curves(history, folder / "curves.png", task.rating)
        if matrix is not None:
            plots.confusion(matrix, config.answers, folder / "confusion.png")
        say(f"{summary(metrics)}, after {metrics['seconds']:.1f} s of training")
        return metrics

    return team.first(finish)


def ablate(config, folder, say=print, team=ALONE):
    """Train on both inputs, on each alone, and on shuffled questions, and compare."""
    folder = Path(folder)
    team.first(lambda: expect_empty(folder))
    ratings = {}
    for one in [replace(config, inputs=inputs) for inputs in INPUTS]:
        name = "fused" if one.inputs == "both" else one.inputs
        metrics = start(one, folder / name.replace(" ", "-"), say, team)
        judged, ratings[name] = next(iter(metrics.items()))

    def compare():
        checkpoint.write_text(folder / "ablation.json", json.dumps(ratings, indent=1))
        from numnet.study import plots
        plots.ablation(ratings, folder / "ablation.png", judged.replace("_", " "))

    team.first(compare)
    return ratings


def open_run(folder):
    """The config, the trained model and the task of a run.

    Raises FileNotFoundError when there is no run, ValueError when a file is damaged or
    the weights are of another model.
    """
    folder = Path(folder)
    config = read_config(folder)
    model, task = build(config)
    path = folder / "weights.npz"
    weights = checkpoint.load(path)
    try:
        model.load_state_dict(weights)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return config, model, task


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


def _nothing(line):
    """What a process says that is not the first."""


def describe(row, config, task):
    """One line about an epoch."""
    return (f"epoch {row['epoch']}/{config.epochs}  loss {row['loss']:.4f}  "
            f"{task.rating} {row['train_rating']:.4f}  "
            f"validation {row['validation_rating']:.4f}  {row['seconds']:.1f} s")


def summary(metrics):
    """The first measures in one line, such as "test accuracy 0.9999"."""
    return ", ".join(f"{name.replace('_', ' ')} {value:.4f}"
                     if isinstance(value, float) else
                     f"{value:,} {name}" for name, value in metrics.items()
                     if not isinstance(value, dict)
                     and name not in ("seconds", "parameters"))


def _count(examples):
    """How much there is of a set of examples, in words."""
    if not hasattr(examples, "label"):
        return f"{examples.steps:,} batches of fresh pictures an epoch"
    pictures = f"{len(examples.images):,} pictures"
    if hasattr(examples, "texts"):
        return f"{pictures} with {len(examples.texts):,} captions"
    return f"{pictures} with {examples.label.size:,} questions"


def _restore(path, arrays, model, optimizer):
    """Set model and optimiser to the arrays of a checkpoint; return its history."""
    def part(name):
        return {key.removeprefix(name): value for key, value in arrays.items()
                if key.startswith(name)}

    try:
        columns = part("history.")
        if columns.keys() != set(COLUMNS):
            raise ValueError(f"its history must have {', '.join(COLUMNS)}, "
                             f"got {', '.join(columns)}")
        if any(column.ndim != 1 or column.dtype.kind not in "if"
               for column in columns.values()):
            raise ValueError("its history must be columns of numbers")
        history = [dict(zip(columns, row, strict=True)) for row in zip(
            *(column.tolist() for column in columns.values()), strict=True)]
        model.load_state_dict(part("model."))
        optimizer.load_state_dict(part("optimizer."))
        if extra := [name for name in arrays
                     if not name.startswith(("model.", "optimizer.", "history."))]:
            raise ValueError(f"it has {extra[0]!r}, which is no part of a run")
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None
    return history


def _table(history):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, history[0])
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()
