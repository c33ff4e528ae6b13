import csv
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from elsewhere import environment
from tiny import TEST, TRAIN, load_tiny

from numnet import checkpoint, data, recipes, runs
from numnet.data import sort_of_clevr as clevr
from numnet.data.text import UNKNOWN
from numnet.optim import SGD
from numnet.evaluation import measure
from numnet.study import plots
from numnet.training import COLUMNS, TrainingStopped

CONFIG = recipes.Config(data="shapes", epochs=3, weight_decay=1e-4)

PROGRAM = """
import sys
from numnet import __main__, data
from tiny import load_tiny
data.load = load_tiny
{before}
sys.exit(__main__.main(sys.argv[1:]))
"""


def few_scenes(monkeypatch):
    """Two batches an epoch, and four pictures to measure on."""
    fresh, fixed = clevr.FreshScenes, clevr.Scenes
    monkeypatch.setattr(clevr, "FreshScenes", lambda steps: fresh(2))
    monkeypatch.setattr(clevr, "Scenes", lambda rng, pictures: fixed(rng, 4))


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


KINDS = {"answer": {}, "adam": {"optimizer": "adam"}, "yes-no": {"task": "yes-no"},
         "measure": {"task": "measure"}, "match": {"task": "match"},
         "attention": {"fusion": "attention", "text": "attention"},
         "article": {"model": "article"},
         "sort-of-clevr": {"data": "sort-of-clevr", "batch_size": 2},
         "hops": {"data": "sort-of-clevr", "fusion": "attention", "batch_size": 2}}


def kind(name, **chosen):
    """The Config of one kind of run, of two epochs."""
    return recipes.configure(**{"data": "shapes", "epochs": 2, **KINDS[name], **chosen})


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
        model, _ = runs.build(config)
        return (model.state_dict()["text_encoder.reader.wx"].tobytes(),
                recipes.sources(config)[1].images.tobytes(),
                recipes.prepare(TRAIN, config).question.tobytes())

    assert drawn(0) == drawn(0)
    assert not any(a == b for a, b in zip(drawn(0), drawn(1)))


def test_the_tiny_data_has_every_answer_and_pictures_to_validate():
    assert len(set(TRAIN.answer)) == 13 and set(TEST.answer) < set(TRAIN.answer)
    rest, validation, test = recipes.sources(CONFIG)
    assert test is TEST
    assert (len(rest.images), len(validation.images)) == (18, 2)
    assert set(rest.question) != set(TRAIN.question)


# ---- stopping and going on ----------------------------------------------------------

@pytest.mark.parametrize("line", [
    "shapes, answer, both", "epoch 1/3", "epoch 2/3", "epoch 3/3", "test accuracy"])
def test_a_stopped_run_goes_on_as_if_it_had_not_been(line, whole, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path, say=stop_at(line))
    assert (tmp_path / "checkpoint.npz").exists() == (line != "shapes, answer, both")
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


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_run_goes_on_byte_for_byte(name, tmp_path, monkeypatch):
    few_scenes(monkeypatch)
    config = kind(name)
    start(tmp_path / "whole", config)
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path / "parted", config, say=stop_at("epoch 1/2"))
    half = checkpoint.load(tmp_path / "parted" / "checkpoint.npz")
    go_on(tmp_path / "parted")
    assert numbers(tmp_path / "parted") == numbers(tmp_path / "whole")
    full = checkpoint.load(tmp_path / "whole" / "checkpoint.npz")
    if config.optimizer == "adam":
        assert full["optimizer.steps"] == 2 * half["optimizer.steps"] > 0
        for moment in "optimizer.m.0", "optimizer.v.0":
            assert full[moment].any() and (full[moment] != half[moment]).any()
    else:
        assert (full["optimizer.velocity.0"] != half["optimizer.velocity.0"]).any()
    assert {array.dtype for key, array in full.items() if key.startswith(
        ("model.", "optimizer.m", "optimizer.v"))} == {np.dtype(np.float32)}


def program(*arguments, before="", **more):
    """The command as a process of its own, on the tiny data, after other lines."""
    return subprocess.Popen(
        [sys.executable, "-u", "-c", PROGRAM.format(before=before),
         *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        encoding="utf-8", env=environment(**more))


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
    start(tmp_path / "whole", recipes.Config(data="shapes", epochs=12, seed=3))
    assert numbers(tmp_path / "killed") == numbers(tmp_path / "whole")


# ---- what goes wrong on the way -----------------------------------------------------

def test_numbers_that_are_not_finite_leave_the_last_good_weights(whole, tmp_path,
                                                                 monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path, say=stop_at("epoch 2/3"))
    good = contents(tmp_path)
    step = SGD.step

    def overflow(optimizer):
        step(optimizer)
        optimizer.parameters[0].value = optimizer.parameters[0].value * np.inf

    with monkeypatch.context() as patch:
        patch.setattr(SGD, "step", overflow)
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
    assert list(metrics) == ["test_accuracy", "test_loss", "questions",
                             "mean_average_precision", "macro", "micro", "weighted",
                             "answers", "validation_accuracy", "seconds", "parameters"]
    config, model, _ = runs.open_run(whole)
    z, _ = model(**recipes.prepare(TEST, config).batch(np.arange(8))[0])
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
    config, model, task = runs.open_run(whole)
    again, _ = measure(config, model, task, recipes.prepare(TEST, config))
    metrics = json.loads((whole / "metrics.json").read_text("utf-8"))
    assert again == {name: metrics[name] for name in again}


def test_the_history_has_one_line_an_epoch(whole):
    text = (whole / "history.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert len(text.splitlines()) == 4 and list(rows[0]) == list(COLUMNS)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert all(0 <= float(row["train_rating"]) <= 1 for row in rows)
    assert float(rows[2]["loss"]) < float(rows[0]["loss"])


def test_the_config_is_what_was_asked_for_with_words_and_answers(whole):
    config = runs.read_config(whole)
    assert replace(config, words=(), answers=()) == CONFIG
    assert config.answers == tuple(sorted(set(TRAIN.answer)))
    rest, _, _ = recipes.sources(config)
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
    model, _ = runs.build(config)

    def ask(picture, text):
        questions = data.Questions(TEST.images[[picture]], np.zeros(1, np.int64),
                                   [text], ["no"])
        return model(**recipes.prepare(questions, config).batch([0])[0])[0]

    z = ask(0, "is a circle red")
    assert (ask(1, "is a circle red") == z).all() == same_image
    assert (ask(0, "is a") == z).all() == same_question


def test_hiding_is_blank_pictures_one_unknown_word_or_another_ones_question():
    config = replace(CONFIG, words=("shape",), answers=tuple(sorted(set(TRAIN.answer))))
    both, image, text, shuffled = (
        recipes.prepare(TRAIN, replace(config, inputs=inputs))
        for inputs in recipes.INPUTS)
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
    assert drawn == [(accuracies, tmp_path / "ablation.png", "test accuracy")]
    weights = set()
    for name, inputs in zip(accuracies, recipes.INPUTS):
        folder = tmp_path / name.replace(" ", "-")
        assert runs.read_config(folder).inputs == inputs
        metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
        assert metrics["test_accuracy"] == accuracies[name]
        weights.add((folder / "weights.npz").read_bytes())
    assert len(weights) == 4


def test_an_ablation_compares_what_a_task_is_judged_by(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(plots, "ablation", lambda *arguments: drawn.append(arguments))
    for name, judged in ("yes-no", "test_accuracy"), ("measure", "test_r_squared"):
        ratings = runs.ablate(kind(name, epochs=1), tmp_path / name,
                              say=lambda line: None)
        for run, rating in ratings.items():
            path = tmp_path / name / run.replace(" ", "-") / "metrics.json"
            assert json.loads(path.read_text("utf-8"))[judged] == rating
        assert drawn.pop()[2] == judged.replace("_", " ")


@pytest.mark.parametrize("name", ["match", "sort-of-clevr", "hops"])
def test_an_ablation_that_cannot_be_is_refused_before_anything_is_trained(name,
                                                                          tmp_path):
    with pytest.raises(ValueError, match="does not go with --ablation"):
        runs.ablate(kind(name), tmp_path / "run", say=pytest.fail)
    assert not (tmp_path / "run").exists()


# ---- other tasks --------------------------------------------------------------------

LINES = {
    "answer": (r"shapes, answer, both: 18 pictures with 163 questions to train on, .*",
               "accuracy", r"test accuracy N, test loss N, 84 questions, mean average "
               r"precision N, validation accuracy N"),
    "yes-no": (r"shapes, yes-no, both: 18 pictures with \d+ questions to train .*",
               "accuracy", r"test accuracy N, test loss N, 62 questions, validation "
               r"accuracy N"),
    "measure": (r"shapes, measure, both: 18 pictures with 54 questions to train on, "
                r"2 pictures with 6 questions to validate, 8 pictures with 24 .*", "R²",
                r"test r squared N, test loss N, 24 questions, how far from the left "
                r"is the shape\? N, how far from the top is the shape\? N, how much of "
                r"the picture is the shape\? N, validation R² N"),
    "match": (r"shapes, match, both: \d+ pictures with \d+ captions to train on, .*",
              "accuracy", r"recall at 1 caption of picture N, recall at 1 picture of "
              r"caption N, 8 pictures, \d captions, validation accuracy N"),
    "hops": (r"sort-of-clevr, answer, both: 2 batches of fresh pictures an epoch to "
             r"train on, 4 pictures with 144 questions to validate, .*", "accuracy",
             r"test accuracy N, 144 questions, shape N, left N, top N, closest N, "
             r"furthest N, count N, non-relational N, relational N, validation "
             r"accuracy N"),
}


@pytest.mark.parametrize("name", LINES)
def test_a_run_says_what_it_does_in_the_words_of_its_task(name, tmp_path, monkeypatch):
    few_scenes(monkeypatch)
    lines, (first, rating, last) = [], LINES[name]
    metrics = start(tmp_path, kind(name), say=lines.append)
    begun, *epochs, ended = lines
    assert re.fullmatch(first + r"; [\d,]+ parameters; writing to .*", begun), begun
    number = r"-?\d+\.\d{4}"
    assert len(epochs) == 2 and all(re.fullmatch(
        rf"epoch \d/2  loss {number}  {rating} {number}  validation {number}  "
        r"\d+\.\d s", line) for line in epochs), epochs
    assert re.fullmatch(last.replace(" N", f" {number}")
                        + r", after \d+\.\d s of training", ended), ended
    assert json.loads((tmp_path / "metrics.json").read_text("utf-8")) == metrics
    assert all(line.replace(str(tmp_path), "").encode("cp1252") for line in lines)


@pytest.mark.parametrize("name", KINDS)
def test_a_run_of_any_kind_is_opened_as_it_was_trained(name, tmp_path, monkeypatch):
    few_scenes(monkeypatch)
    metrics = start(tmp_path, kind(name, epochs=1))
    config, model, task = runs.open_run(tmp_path)
    again, _ = measure(config, model, task, recipes.examples(config)[2])
    assert again == {name: metrics[name] for name in again}


def test_a_config_of_another_version_is_refused_in_one_line(whole, tmp_path):
    entries = json.loads((whole / "config.json").read_text("utf-8"))
    for gone, more in (("task", {}), ("warmup", {"schedule": "cosine"})):
        other = {k: v for k, v in entries.items() if k != gone} | more
        (tmp_path / "config.json").write_text(json.dumps(other), "utf-8")
        with pytest.raises(ValueError, match=rf"missing \['{gone}'\]") as caught:
            runs.open_run(tmp_path)
        assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("changes", [
    {"task": "yes-no"}, {"task": "measure"}, {"task": "match"}, {"text": "lstm"},
    {"fusion": "average"}, {"fusion": "attention"}, {"model": "article"},
    {"data": "sort-of-clevr"}, {"text": "lstm", "data": "sort-of-clevr"},
    {"model": "article", "task": "yes-no", "text": "lstm", "answers": ["no", "yes"]}])
def test_a_config_of_another_task_is_refused_in_one_line(changes, whole, tmp_path):
    shutil.copytree(whole, tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")
    for begin in runs.open_run, go_on:
        with pytest.raises(ValueError, match="run") as caught:
            begin(tmp_path / "run")
        assert "\n" not in str(caught.value)


def test_a_run_on_the_real_data_ends(tmp_path, monkeypatch):
    pytest.importorskip("easy_vqa")
    monkeypatch.undo()
    monkeypatch.setattr(plots, "save", lambda figure, path: None)
    load = data.load
    monkeypatch.setattr(data, "load", lambda name, seed: tuple(
        questions.of_images(np.arange(60)) for questions in load(name, seed)))
    metrics = start(tmp_path, recipes.Config(data="easy-vqa", epochs=2))
    assert len(metrics["answers"]) == 13 and metrics["test_accuracy"] > 0.2
