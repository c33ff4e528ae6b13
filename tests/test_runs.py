import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from numnet import checkpoint, data, runs
from numnet.data.shapes import generate
from numnet.data.text import UNKNOWN
from numnet.study import plots
from numnet.training import COLUMNS, TrainingStopped

TRAIN = generate(np.random.default_rng(2), 20)
TEST = generate(np.random.default_rng(101), 8)
CONFIG = runs.Config(data="shapes", epochs=3, weight_decay=1e-4)

PROGRAM = """
import sys
import test_runs
from numnet import __main__, data
data.load = test_runs.load_tiny
{before}
sys.exit(__main__.main(sys.argv[1:]))
"""


def load_tiny(name, seed=0):
    return TRAIN, TEST


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Few pictures, and none drawn."""
    monkeypatch.setattr(data, "load", load_tiny)
    monkeypatch.setattr(plots, "save", lambda figure, path: None)


def start(folder, config=CONFIG, **options):
    return runs.start(config, folder, **{"say": lambda line: None, **options})


def go_on(folder):
    return runs.go_on(folder, say=lambda line: None)


def stop_at(beginning):
    """A `say` that is interrupted at a line that begins so."""
    def say(line):
        if line.startswith(beginning):
            raise KeyboardInterrupt
    return say


def numbers(folder):
    """All that a run has learnt, and its history without the seconds."""
    arrays = checkpoint.load(folder / "checkpoint.npz")
    del arrays["history.seconds"]
    with open(folder / "history.csv", encoding="utf-8", newline="") as file:
        history = [row[:-1] for row in csv.reader(file)]
    metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
    del metrics["seconds"]
    return ((folder / "weights.npz").read_bytes(), history, metrics,
            {name: (array.dtype, array.tobytes()) for name, array in arrays.items()})


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of three epochs that nothing disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(data, "load", load_tiny)
        start(folder)
    return folder


# ---- one seed, one result -----------------------------------------------------------

def test_the_same_seed_gives_the_same_weights_byte_for_byte(whole, tmp_path):
    start(tmp_path)
    assert numbers(tmp_path) == numbers(whole)


def test_another_seed_gives_other_weights(whole, tmp_path):
    start(tmp_path, replace(CONFIG, seed=1))
    a, b = (checkpoint.load(folder / "weights.npz") for folder in (whole, tmp_path))
    assert a.keys() == b.keys() and not any((a[name] == b[name]).all() for name in a)


def test_weights_split_and_pairing_come_from_the_seed():
    def drawn(seed):
        config = replace(CONFIG, seed=seed, inputs="shuffled questions",
                         words=("is",), answers=tuple(sorted(set(TRAIN.answer))))
        model, tokenizer = runs.build(config)
        return (model.state_dict()["text_encoder.rnn.wx"].tobytes(),
                runs.split(TRAIN, config)[1].images.tobytes(),
                runs.prepare(TRAIN, config, tokenizer).question.tobytes())

    assert drawn(0) == drawn(0)
    assert not any(a == b for a, b in zip(drawn(0), drawn(1)))


def test_the_tiny_data_has_every_answer_and_pictures_to_validate():
    assert len(set(TRAIN.answer)) == 13 and set(TEST.answer) < set(TRAIN.answer)
    rest, validation = runs.split(TRAIN, CONFIG)
    assert (len(rest.images), len(validation.images)) == (18, 2)
    assert set(rest.question) != set(TRAIN.question)


# ---- stopping and going on ----------------------------------------------------------

@pytest.mark.parametrize("line", [
    "shapes, both", "epoch 1/3", "epoch 2/3", "epoch 3/3", "test accuracy"])
def test_a_stopped_run_goes_on_as_if_it_had_not_been(line, whole, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path, say=stop_at(line))
    assert (tmp_path / "checkpoint.npz").exists() == (line != "shapes, both")
    go_on(tmp_path)
    assert numbers(tmp_path) == numbers(whole)


def test_a_run_may_be_stopped_again_and_again(whole, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path, say=stop_at("epoch 1/3"))
    with pytest.raises(KeyboardInterrupt):
        runs.go_on(tmp_path, say=stop_at("epoch 2/3"))
    go_on(tmp_path)
    assert numbers(tmp_path) == numbers(whole)


@pytest.mark.parametrize("epoch", [1, 3])
@pytest.mark.parametrize("name", ["checkpoint.npz", "weights.npz", "history.csv",
                                  "metrics.json"])
def test_a_run_stopped_between_two_files_goes_on(name, epoch, whole, tmp_path,
                                                 monkeypatch):
    write, seen = checkpoint.write_atomically, []

    def stop(path, *arguments):
        seen.append(path.name)
        if path.name == name and seen.count(name) == epoch:
            raise KeyboardInterrupt
        write(path, *arguments)

    monkeypatch.setattr(checkpoint, "write_atomically", stop)
    if name == "metrics.json" and epoch == 3:        # which is written once
        start(tmp_path)
    else:
        with pytest.raises(KeyboardInterrupt):
            start(tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(data, "load", load_tiny)
    monkeypatch.setattr(plots, "save", lambda figure, path: None)
    go_on(tmp_path)
    assert numbers(tmp_path) == numbers(whole)


def test_going_on_with_a_finished_run_changes_no_number(whole, tmp_path):
    start(tmp_path)
    before, lines = contents(tmp_path), []
    runs.go_on(tmp_path, say=lines.append)
    assert contents(tmp_path) == before
    assert [line.endswith("(done before)") for line in lines] == [False, *[True] * 3,
                                                                  False]


def program(*arguments, before="", **environment):
    """The command as a process of its own, on the tiny data, after other lines."""
    here = Path(__file__).parent
    paths = [str(here), str(here.parent), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        [sys.executable, "-u", "-c", PROGRAM.format(before=before),
         *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        encoding="utf-8", env={**os.environ, "PYTHONPATH": os.pathsep.join(paths),
                               **environment})


def test_a_process_that_is_killed_goes_on_as_if_it_had_not_been(tmp_path):
    settings = "train --data shapes --epochs 12 --seed 3 --out".split()
    with program(*settings, tmp_path / "killed") as process:
        for line in process.stdout:
            if line.startswith("epoch 3/"):
                process.kill()                       # in the middle of the fourth
    assert process.returncode not in (0, 2)
    history = checkpoint.load(tmp_path / "killed" / "checkpoint.npz")["history.epoch"]
    assert 3 <= len(history) < 12
    go_on(tmp_path / "killed")
    start(tmp_path / "whole", runs.Config(data="shapes", epochs=12, seed=3))
    assert numbers(tmp_path / "killed") == numbers(tmp_path / "whole")


# ---- what goes wrong on the way -----------------------------------------------------

def test_numbers_that_are_not_finite_leave_the_last_good_weights(whole, tmp_path,
                                                                 monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path, say=stop_at("epoch 2/3"))
    good = contents(tmp_path)
    step = runs.SGD.step

    def overflow(optimizer):
        step(optimizer)
        optimizer.parameters[0].value = optimizer.parameters[0].value * np.inf

    with monkeypatch.context() as patch:
        patch.setattr(runs.SGD, "step", overflow)
        with pytest.raises(TrainingStopped, match="^epoch 3, step 2: the loss is nan"):
            go_on(tmp_path)
    assert contents(tmp_path) == good
    go_on(tmp_path)
    assert numbers(tmp_path) == numbers(whole)


def test_a_file_that_cannot_be_written_leaves_the_last_good_epoch(whole, tmp_path,
                                                                  monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path, say=stop_at("epoch 2/3"))
    good = contents(tmp_path)

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np.lib.format, "write_array", full)
        with pytest.raises(OSError, match="No space left"):
            go_on(tmp_path)
    assert contents(tmp_path) == good
    go_on(tmp_path)
    assert numbers(tmp_path) == numbers(whole)


@pytest.mark.parametrize("settings, message", [
    ({"lr": -0.1}, "lr must be 0 or more, got -0.1"), ({"lr": np.nan}, "got nan"),
    ({"momentum": 1.0}, "momentum must be 0 or more and less than 1"),
    ({"weight_decay": -1.0}, "weight_decay"), ({"max_norm": 0}, "more than 0"),
    ({"epochs": 0}, "epochs must be at least 1"), ({"seed": -1}, "seed must be at"),
    ({"batch_size": 0}, "batch_size must be at least 1"), ({"lr": True}, "be a float"),
    ({"epochs": 2.0}, "epochs must be a int, got 2.0"), ({"data": "mnist"}, "'mnist'"),
    ({"inputs": "none"}, "inputs must be one of both, image only, text"),
    ({"validation": 1.0}, "fraction must be between 0 and 1"),
    ({"words": ("a", 2)}, "words and answers must be strings")])
def test_a_bad_setting_is_refused_before_a_file_is_made(settings, message, tmp_path,
                                                        monkeypatch):
    monkeypatch.undo()                               # data.load names the datasets
    if "validation" in settings:
        monkeypatch.setattr(data, "load", load_tiny)
    with pytest.raises(ValueError, match=message):
        start(tmp_path / "run", replace(CONFIG, **settings))
    assert not (tmp_path / "run").exists()


# ---- what a run leaves --------------------------------------------------------------

def test_the_metrics_say_how_good_every_answer_is(whole):
    metrics = json.loads((whole / "metrics.json").read_text("utf-8"))
    assert list(metrics) == ["test_accuracy", "test_loss", "questions", "answers",
                             "validation_accuracy", "seconds", "parameters"]
    config, model, tokenizer = runs.open_run(whole)
    z, _ = model(**runs.prepare(TEST, config, tokenizer).batch(np.arange(8))[0])
    predicted = [config.answers[k] for k in z.argmax(axis=1)]
    pairs = list(zip(TEST.answer, predicted))
    right = [true for true, guess in pairs if true == guess]
    assert metrics["test_accuracy"] == len(right) / len(TEST)
    assert metrics["questions"] == len(TEST) and metrics["seconds"] > 0
    assert metrics["parameters"] == sum(p.value.size for p in model.parameters())
    assert list(metrics["answers"]) == sorted(set(TRAIN.answer)) and right
    for answer, row in metrics["answers"].items():
        assert row["questions"] == TEST.answer.count(answer)
        given = predicted.count(answer)
        assert row["precision"] == (right.count(answer) / given if given else 0)
        assert row["recall"] * row["questions"] == pytest.approx(right.count(answer))


def test_a_run_measured_again_gives_the_very_same_metrics(whole):
    config, model, tokenizer = runs.open_run(whole)
    again, _ = runs.measure(model, runs.prepare(TEST, config, tokenizer),
                            config.answers)
    metrics = json.loads((whole / "metrics.json").read_text("utf-8"))
    assert again == {name: metrics[name] for name in again}


def test_the_history_has_one_line_an_epoch(whole):
    text = (whole / "history.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert len(text.splitlines()) == 4 and list(rows[0]) == list(COLUMNS)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert all(0 <= float(row["train_accuracy"]) <= 1 for row in rows)
    assert float(rows[2]["loss"]) < float(rows[0]["loss"])


def test_the_config_is_what_was_asked_for_with_words_and_answers(whole):
    config = runs.read_config(whole)
    assert replace(config, words=(), answers=()) == CONFIG
    assert config.answers == tuple(sorted(set(TRAIN.answer)))
    rest, _ = runs.split(TRAIN, config)
    assert set(config.words) == {word for text in rest.question
                                 for word in text.strip("?").split()}


def test_a_new_run_is_not_written_over_anything(whole, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    before = contents(whole)
    for begin in runs.start, runs.ablate:
        for folder in whole, tmp_path:
            with pytest.raises(FileExistsError, match="is not empty: choose another"):
                begin(CONFIG, folder, say=pytest.fail)
    assert contents(whole) == before and len(contents(tmp_path)) == 1


def test_a_run_may_be_written_into_an_empty_folder(tmp_path):
    start(tmp_path, replace(CONFIG, epochs=1))
    assert sorted(contents(tmp_path)) == ["checkpoint.npz", "config.json",
                                          "history.csv", "metrics.json", "weights.npz"]


# ---- what one input can do ----------------------------------------------------------

@pytest.mark.parametrize("inputs, same_image, same_question", [
    ("both", False, False), ("image only", False, True), ("text only", True, False)])
def test_a_hidden_input_has_no_effect_on_the_answers(inputs, same_image, same_question):
    config = replace(CONFIG, inputs=inputs, words=("is", "a", "red", "circle"),
                     answers=("no", "yes"))
    model, tokenizer = runs.build(config)

    def ask(picture, text):
        questions = data.Questions(TEST.images[[picture]], np.zeros(1, np.int64),
                                   [text], ["no"])
        return model(**runs.prepare(questions, config, tokenizer).batch([0])[0])[0]

    z = ask(0, "is a circle red")
    assert (ask(1, "is a circle red") == z).all() == same_image
    assert (ask(0, "is a") == z).all() == same_question


def test_hiding_is_blank_pictures_one_unknown_word_or_another_ones_question():
    config = replace(CONFIG, words=("shape",), answers=tuple(sorted(set(TRAIN.answer))))
    _, tokenizer = runs.build(config)
    both, image, text, shuffled = (
        runs.prepare(TRAIN, replace(config, inputs=inputs), tokenizer)
        for inputs in runs.INPUTS)
    assert not text.images.any() and both.images.any()
    assert image.ids.tolist() == [[UNKNOWN]] and not image.question.any()
    assert (np.sort(shuffled.question) == np.sort(both.question)).all()
    assert (shuffled.question != both.question).mean() > 0.5
    for other in image, text, shuffled:
        assert (other.label == both.label).all() and (other.image == both.image).all()


def test_an_ablation_compares_four_runs(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(plots, "ablation", lambda *arguments: drawn.append(arguments))
    accuracies = runs.ablate(replace(CONFIG, epochs=1), tmp_path, say=lambda line: None)
    assert list(accuracies) == ["fused", "image only", "text only",
                                "shuffled questions"]
    assert json.loads((tmp_path / "ablation.json").read_text("utf-8")) == accuracies
    assert drawn == [(accuracies, tmp_path / "ablation.png")]
    weights = set()
    for name, inputs in zip(accuracies, runs.INPUTS):
        folder = tmp_path / name.replace(" ", "-")
        assert runs.read_config(folder).inputs == inputs
        metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
        assert metrics["test_accuracy"] == accuracies[name]
        weights.add((folder / "weights.npz").read_bytes())
    assert len(weights) == 4


def test_a_run_on_the_real_data_ends(tmp_path, monkeypatch):
    pytest.importorskip("easy_vqa")
    monkeypatch.undo()
    monkeypatch.setattr(plots, "save", lambda figure, path: None)
    load = data.load
    monkeypatch.setattr(data, "load", lambda name, seed: tuple(
        questions.of_images(np.arange(60)) for questions in load(name, seed)))
    metrics = start(tmp_path, runs.Config(data="easy-vqa", epochs=2))
    assert len(metrics["answers"]) == 13 and metrics["test_accuracy"] > 0.2
