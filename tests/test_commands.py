import json
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from elsewhere import environment
from test_runs import (KINDS, TEST, contents, few_scenes, kind, load_tiny, program,
                       stop_at)

import numnet
from numnet import checkpoint, data, recipes, runs
from numnet.__main__ import main
from numnet.activation import softmax
from numnet.data import denoise, derived
from numnet.data import sort_of_clevr as clevr
from numnet.evaluation import measure
from numnet.study import gradcheck, plots
from numnet.training import stream

Image = pytest.importorskip("PIL.Image")              # comes with matplotlib
QUESTION = "what color is the shape?"


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Few pictures, and none drawn."""
    monkeypatch.setattr(data, "load", load_tiny)
    monkeypatch.setattr(plots, "save", lambda figure, path: None)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of two epochs with everything it writes, made by the command."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(data, "load", load_tiny)
        assert main(["train", "--data", "shapes", "--epochs", "2",
                     "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def run(trained, tmp_path):
    """A copy of it, which a test may damage."""
    return shutil.copytree(trained, tmp_path / "run")


@pytest.fixture
def picture(tmp_path):
    """The path of a picture file, written from pixels."""
    def write(pixels=TEST.images[0], name="a.png", **options):
        Image.fromarray(pixels).save(tmp_path / name, **options)
        return str(tmp_path / name)
    return write


def refused(capsys, *arguments):
    """The one line on standard error of a command that ends with 2."""
    capsys.readouterr()
    assert main([*map(str, arguments)]) == 2
    line, = capsys.readouterr().err.splitlines()
    assert line.startswith("numnet: ") and "Traceback" not in line
    return line


def answers(capsys, run, image, question=QUESTION, *more):
    """The answers that predict prints, with their percentages."""
    capsys.readouterr()
    assert main(["predict", str(run), "--image", image, "--question", question,
                 *more]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert all(unit == "%" for _, _, unit in rows)
    return [(answer, float(percent)) for answer, percent, _ in rows]


# ---- what a command line may say ----------------------------------------------------

@pytest.mark.parametrize("line, message", [
    ("", "arguments are required: command"), ("learn", "invalid choice: 'learn'"),
    ("train --epochs 0", "--epochs: must be a whole number, at least 1, got '0'"),
    ("train --epochs two", "--epochs: must be a whole number, at least 1, got 'two'"),
    ("train --seed -1", "--seed"), ("train --batch-size 0", "--batch-size"),
    ("train --lr fast", "--lr"), ("train --data mnist", "--data"),
    ("train --inputs both", "unrecognized"), ("evaluate", "required: RUN"),
    ("predict run --question why", "required: --image"),
    ("predict run --image a.png", "required: --question"),
    ("predict run --image a.png --question why --top 0", "--top"),
    ("evaluate run --data mnist", "--data"), ("check everything", "unrecognized"),
    ("train --task draw", "--task: invalid choice: 'draw'"),
    ("train --fusion sum", "--fusion"), ("train --text gru", "--text"),
    ("train --model vgg", "--model"), ("train --optimizer lion", "--optimizer"),
    ("train --warmup soon", "--warmup"), ("evaluate run --noise", "--noise"),
    ("evaluate run --denoise", "--denoise"), ("evaluate run --task match", "unrecog")])
def test_a_command_line_that_makes_no_sense_ends_with_2(line, message, capsys):
    with pytest.raises(SystemExit) as caught:
        main(line.split())
    assert caught.value.code == 2 and message in capsys.readouterr().err


@pytest.mark.parametrize("settings, message", [
    ("--lr -1", "lr must be 0 or more"), ("--lr nan", "lr must be"),
    ("--lr inf", "lr must be"), ("--momentum 1", "momentum must be"),
    ("--weight-decay -0.1", "weight_decay must be"),
    ("--warmup 1", "warmup must be 0 or more and less than 1"),
    ("--warmup -0.1", "warmup must be"), ("--warmup nan", "warmup must be"),
    ("--optimizer adam --momentum 1", "momentum must be"),
    ("--optimizer adam --lr -1", "lr must be"),
    ("--model article --task match", "--model article and --task match do not go"),
    ("--model article --task answer", "--model article does not go with --task answer"),
    ("--model article --fusion gated", "does not go with --fusion gated"),
    ("--task match --text lstm", "--task match does not go with --text lstm"),
    ("--task match --ablation", "--task match does not go with --ablation"),
    ("--data sort-of-clevr --task yes-no", "does not go with --task yes-no"),
    ("--data sort-of-clevr --text attention", "does not go with --text attention"),
    ("--data sort-of-clevr --fusion shared", "does not go with --fusion shared"),
    ("--data sort-of-clevr --model article", "--model article do not go together"),
    ("--data sort-of-clevr --ablation", "clevr does not go with --ablation")])
def test_a_setting_out_of_range_makes_no_folder(settings, message, tmp_path, capsys):
    line = refused(capsys, "train", "--data", "shapes", *settings.split(), "--out",
                   tmp_path / "run")
    assert message in line and not (tmp_path / "run").exists()


@pytest.mark.parametrize("option", [
    "--epochs=3", "--seed=0", "--out=other", "--lr=1", "--data=shapes", "--ablation",
    "--task=answer", "--fusion=concatenation", "--text=rnn", "--model=fusion",
    "--optimizer=sgd", "--warmup=0", "--momentum=0"])
def test_a_run_that_goes_on_takes_no_other_settings(option, run, capsys):
    before = contents(run)
    assert "takes no other option" in refused(capsys, "train", "--resume", run, option)
    assert contents(run) == before


def test_version_and_help_are_printed_on_any_code_page(capsys):
    for line in "--version", "--help", "train --help", "predict --help":
        with pytest.raises(SystemExit) as caught:
            main(line.split())
        assert caught.value.code == 0 and capsys.readouterr().out.encode("cp1252")


def test_check_ends_as_the_table_of_gradients_does(monkeypatch):
    for code in 0, 1:
        monkeypatch.setattr(gradcheck, "main", lambda code=code: code)
        assert main(["check"]) == code


# ---- train --------------------------------------------------------------------------

def test_train_writes_all_that_the_readme_lists(trained):
    assert sorted(contents(trained)) == [
        "checkpoint.npz", "config.json", "confusion.png", "curves.png", "history.csv",
        "metrics.json", "weights.npz"]
    for name in "curves.png", "confusion.png":
        assert (trained / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_train_says_what_it_does_on_any_code_page(tmp_path, capsys):
    assert main(["train", "--data", "shapes", "--epochs", "1",
                 "--out", str(tmp_path / "run")]) == 0
    out, err = capsys.readouterr()
    first, epoch, last = out.splitlines()
    assert re.match(r"shapes, answer, both: 18 pictures with \d+ questions to train "
                    r"on, 2 pictures with \d+ questions to validate, 8 pictures with "
                    r"84 questions to test; 31,021 parameters; writing to ", first)
    assert first.endswith(f"writing to {tmp_path / 'run'}")
    assert re.match(r"epoch 1/1  loss \d\.\d{4}  accuracy 0\.\d{4}  valid", epoch)
    assert re.match(r"test accuracy 0\.\d{4}, test loss \d\.\d{4}, 84 questions, .*, "
                    r"after \d+\.\d s of training", last)
    assert not err and out.replace(str(tmp_path), "").encode("cp1252")


@pytest.mark.parametrize("installed, name", [(True, "easy-vqa"), (False, "shapes")])
def test_train_takes_the_data_there_is_and_a_free_folder(installed, name, tmp_path,
                                                         capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: installed or None)
    for k in 1, 2:
        assert main(["train", "--epochs", "1"]) == 0
        assert runs.read_config(tmp_path / "runs" / f"{name}-{k}").data == name
    out = capsys.readouterr().out
    assert ("data: easy-vqa, since" in out) == installed
    assert ("pip install numnet[vqa]" in out) != installed


def test_an_ablation_writes_four_runs_and_a_picture(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(plots, "save", lambda figure, path: drawn.append(path))
    assert main(["train", "--data", "shapes", "--epochs", "1", "--ablation",
                 "--out", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "ablation.json", "fused", "image-only", "shuffled-questions", "text-only"]
    assert drawn[-1] == tmp_path / "ablation.png" and len(drawn) == 9


def test_a_step_that_is_too_long_is_said_in_one_line(tmp_path, capsys):
    line = refused(capsys, "train", "--data", "shapes", "--epochs", "2", "--lr", "1e6",
                   "--out", tmp_path / "run")
    assert re.search(r"epoch 1, step \d: .*; a lower --lr may help", line)
    assert list(contents(tmp_path / "run")) == ["config.json"]


def test_a_folder_that_is_not_empty_is_left_as_it_is(run, capsys):
    before = contents(run)
    for more in [], ["--ablation"]:
        line = refused(capsys, "train", "--data", "shapes", "--out", run, *more)
        assert f"{run} is not empty: choose another --out" in line
    assert contents(run) == before


def test_a_place_that_no_folder_can_be_made_in_is_named(picture, capsys):
    file = picture()
    for out in file, Path(file) / "run":
        assert "a.png" in refused(capsys, "train", "--data", "shapes", "--epochs", "1",
                                  "--out", out)


def test_stopping_ends_with_130_and_one_line(run, capsys, monkeypatch):
    monkeypatch.setattr(runs, "start", lambda *arguments: stop_at("")(""))
    assert main(["train", "--data", "shapes"]) == 130
    assert capsys.readouterr().err == "numnet: stopped\n"


# ---- evaluate -----------------------------------------------------------------------

def test_evaluate_gives_the_accuracy_that_training_gave(trained, capsys):
    metrics = json.loads((trained / "metrics.json").read_text("utf-8"))
    before = contents(trained)
    capsys.readouterr()
    assert main(["evaluate", str(trained)]) == 0
    out, err = capsys.readouterr()
    head, *rows, last = out.splitlines()
    assert last == (f"test accuracy {metrics['test_accuracy']:.4f}, test loss "
                    f"{metrics['test_loss']:.4f}, {len(TEST)} questions, mean average "
                    f"precision {metrics['mean_average_precision']:.4f} of shapes "
                    "(trained on shapes, both)")
    for line, (answer, row) in zip(rows, metrics["answers"].items(), strict=True):
        assert line.split() == [answer, *(f"{row[name]:.4f}" for name in (
            "precision", "recall", "f1")), str(row["questions"])]
    assert not err and out.encode("cp1252") and contents(trained) == before


def test_evaluate_takes_other_data(trained, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr(data, "load", lambda name, seed: asked.append(name)
                        or load_tiny(name))
    assert main(["evaluate", str(trained), "--data", "easy-vqa"]) == 0
    assert asked == ["easy-vqa"]
    assert "of easy-vqa (trained on shapes, both)" in capsys.readouterr().out


@pytest.mark.parametrize("options", [
    {"noise": "salt-and-pepper:0.5"}, {"noise": "gaussian:90"}, {"denoise": "median:9"},
    {"denoise": "gaussian:4"}, {"noise": "salt-and-pepper:0.3", "denoise": "median"}])
def test_evaluate_spoils_and_filters_the_test_pictures(options, trained, capsys):
    capsys.readouterr()
    command = ["evaluate", str(trained)]
    for name, choice in options.items():
        command += [f"--{name}", choice]
    assert main(command) == main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    last = lines.pop()
    assert lines.pop(len(lines) // 2) == last        # the same noise again
    config, model, task = runs.open_run(trained)
    images = TEST.images
    if "noise" in options:
        images = denoise.add_noise(images, options["noise"], stream("noise", 0))
    if "denoise" in options:
        images = denoise.remove_noise(images, options["denoise"])
    test = recipes.prepare(replace(TEST, images=images), config)
    metrics, _ = measure(config, model, task, test)
    clean = json.loads((trained / "metrics.json").read_text("utf-8"))
    assert last.startswith(runs.summary(metrics)) and images is not TEST.images
    assert metrics["test_loss"] != clean["test_loss"]


@pytest.mark.parametrize("option, message", [
    ("--noise=pepper:0.1", "noise: must be one of salt-and-pepper, gaussian"),
    ("--noise=gaussian", "noise: gaussian needs a number"),
    ("--noise=gaussian:", "noise: gaussian needs a number, got ''"),
    ("--noise=gaussian:much", "noise: gaussian needs a number"),
    ("--noise=salt-and-pepper:2", "noise: salt-and-pepper needs a number|share must"),
    ("--noise=salt-and-pepper:nan", "share must be in 0..1|needs a number"),
    ("--noise=gaussian:-1", "std must be 0 or more"),
    ("--denoise=mean", "denoise: must be one of median, gaussian, got 'mean'"),
    ("--denoise=median:4", "size must be odd"), ("--denoise=median:0", "size must be"),
    ("--denoise=median:2.5", "median needs a number"), ("--denoise=median:999", "far"),
    ("--denoise=gaussian:0", "sigma must be above 0"), ("--denoise=gaussian:99", "far"),
    ("--denoise=gaussian:1e308", "numnet: "), ("--denoise=gaussian:inf", "sigma must"),
    ("--data=sort-of-clevr", "sort-of-clevr has pictures and questions of its own")])
def test_what_evaluate_cannot_do_is_refused(option, message, trained, capsys):
    before = contents(trained)
    assert re.search(message, refused(capsys, "evaluate", trained, option))
    assert contents(trained) == before


def test_an_answer_that_the_run_does_not_know_is_named(trained, capsys, monkeypatch):
    other = data.Questions(TEST.images, TEST.image, TEST.question,
                           ["maybe", *TEST.answer[1:]])
    monkeypatch.setattr(data, "load", lambda name, seed: (other, other))
    assert "the answers ['maybe']" in refused(capsys, "evaluate", trained)


# ---- predict ------------------------------------------------------------------------

def test_predict_gives_the_probabilities_of_the_model_sorted(trained, picture, capsys):
    config, model, _ = runs.open_run(trained)
    inputs, _ = recipes.prepare(TEST, config).batch(np.arange(8))
    p, _ = softmax(model(**inputs)[0])
    for n in 0, 40, 80:
        image = picture(TEST.images[TEST.image[n]])
        rows = answers(capsys, trained, image, TEST.question[n], "--top", "99")
        assert dict(rows) == {answer: pytest.approx(100 * float(p[n, k]), abs=0.0051)
                              for k, answer in enumerate(config.answers)}
        assert rows == sorted(rows, key=lambda row: -row[1])
        assert answers(capsys, trained, image, TEST.question[n]) == rows[:3]
        assert answers(capsys, trained, image, TEST.question[n], "--top=1") == rows[:1]


GRAY = np.full((64, 64), 200, np.uint8)
CLEAR = np.concatenate([TEST.images[0], np.full((64, 64, 1), 255, np.uint8)], axis=2)


@pytest.mark.parametrize("pixels, alike", [
    (GRAY, np.stack([GRAY] * 3, axis=2)), (CLEAR, TEST.images[0]),
    (CLEAR * np.uint8([1, 1, 1, 0]), np.full((64, 64, 3), 255, np.uint8))],
    ids=["gray", "opaque", "transparent"])
def test_predict_reads_any_kind_of_picture(pixels, alike, trained, picture, capsys):
    assert answers(capsys, trained, picture(pixels)) == answers(
        capsys, trained, picture(alike, "alike.png"))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "no ending é"])
@pytest.mark.parametrize("shape", [(1, 1), (64, 64), (100, 37), (3, 500)])
def test_predict_reads_a_picture_of_any_size(name, shape, trained, picture, capsys):
    pixels = np.full((*shape, 3), (250, 240, 230), np.uint8)
    kind = {"a.png": "PNG", "a.jpg": "JPEG"}.get(name, "PNG")
    rows = answers(capsys, trained, picture(pixels, name, format=kind), QUESTION)
    assert len(rows) == 3 and 0 < sum(percent for _, percent in rows) <= 100.02


def test_predict_names_the_words_it_does_not_know(trained, picture, capsys):
    image = picture()
    assert main(["predict", str(trained), "--image", image, "--question",
                 "What COLOUR is the shapé?"]) == 0
    out, err = capsys.readouterr()
    assert err == "words the model has never read: colour, shapé\n"
    assert len(out.splitlines()) == 3
    assert answers(capsys, trained, image, "WHAT color, is (the) shape") == answers(
        capsys, trained, image)


def test_predict_hides_what_the_run_was_not_shown(tmp_path, picture, capsys):
    images = picture(TEST.images[0], "a.png"), picture(TEST.images[1], "b.png")
    for inputs in "image only", "text only":
        config = recipes.Config(data="shapes", epochs=1, inputs=inputs)
        runs.start(config, tmp_path / inputs, say=lambda line: None)
        a, b = (answers(capsys, tmp_path / inputs, image) for image in images)
        c = answers(capsys, tmp_path / inputs, images[0], "is there a circle?")
        assert (a == b) == (inputs == "text only")
        assert (a == c) == (inputs == "image only")


@pytest.mark.parametrize("question, message", [
    ("", "has no words, got ''"), ("?! ...", "has no words"), (" ", "has no words"),
    ("warum nicht", "never read a word of this question: warum, nicht")])
def test_a_question_that_cannot_be_read_is_refused(question, message, trained, picture,
                                                   capsys):
    assert message in refused(capsys, "predict", trained, "--image", picture(),
                              "--question", question)


def cut(path):
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])


@pytest.mark.parametrize("damage, message", [
    (cut, "a.png is not a whole PNG or JPEG"), (Path.unlink, "no picture .*a.png"),
    (lambda path: path.write_text("no picture"), "a.png is not a whole PNG or JPEG"),
    (lambda path: path.write_bytes(b""), "a.png is not a whole PNG or JPEG"),
    (lambda path: (path.unlink(), path.mkdir()), "no picture .*a.png")],
    ids="cut missing text empty folder".split())
def test_a_picture_that_cannot_be_read_is_refused(damage, message, trained, picture,
                                                  capsys):
    path = Path(picture())
    damage(path)
    assert re.search(message, refused(capsys, "predict", trained, "--image", path,
                                      "--question", QUESTION))


# ---- runs of every kind -------------------------------------------------------------

@pytest.fixture(scope="module")
def every(tmp_path_factory):
    """One run of each kind."""
    folder = tmp_path_factory.mktemp("every")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(data, "load", load_tiny)
        monkeypatch.setattr(plots, "save", lambda figure, path: None)
        few_scenes(monkeypatch)
        for name in KINDS:
            runs.start(kind(name, epochs=1), folder / name, say=lambda line: None)
    return folder


def test_train_takes_every_choice_by_its_name(tmp_path, capsys):
    assert main(["train", "--data", "shapes", "--task", "yes-no", "--fusion", "gated",
                 "--text", "lstm", "--optimizer", "adam", "--warmup", "0.2", "--epochs",
                 "1", "--out", str(tmp_path / "run")]) == 0
    assert replace(runs.read_config(tmp_path / "run"), words=(), answers=()) == \
        recipes.configure(data="shapes", task="yes-no", fusion="gated", text="lstm",
                          optimizer="adam", warmup=0.2, epochs=1)
    assert "shapes, yes-no, both: " in capsys.readouterr().out


@pytest.mark.parametrize("name", KINDS)
def test_evaluate_gives_the_measures_that_training_gave(name, every, capsys,
                                                        monkeypatch):
    few_scenes(monkeypatch)
    capsys.readouterr()
    assert main(["evaluate", str(every / name)]) == 0
    out, err = capsys.readouterr()
    metrics = json.loads((every / name / "metrics.json").read_text("utf-8"))
    measured = {key: value for key, value in metrics.items()
                if not key.startswith("validation")}
    own = "sort-of-clevr" if "clevr" in kind(name).data else "shapes"
    assert out.splitlines()[-1] == (f"{runs.summary(measured)} of {own} "
                                    f"(trained on {own}, both)")
    assert len(out.splitlines()) == 1 + ("answers" in metrics) * (
        1 + len(metrics.get("answers", ()))) and not err


@pytest.mark.parametrize("name, lines", [("yes-no", 4), ("article", 4), ("measure", 1),
                                         ("match", 1), ("attention", 15)])
def test_evaluate_asks_other_data_what_the_run_was_asked(name, lines, every, capsys,
                                                         monkeypatch):
    asked = []
    monkeypatch.setattr(data, "load", lambda name, seed: asked.append(name)
                        or load_tiny(name))
    assert main(["evaluate", str(every / name), "--data", "easy-vqa"]) == 0
    assert asked == ["easy-vqa"]
    out = capsys.readouterr().out.splitlines()
    assert out[-1].endswith("of easy-vqa (trained on shapes, both)")
    assert len(out) in (lines, lines - 1)


@pytest.mark.parametrize("options", [["--noise", "gaussian:5"], ["--denoise", "median"],
                                     ["--data", "shapes"]])
def test_scenes_are_measured_on_scenes_as_they_are(options, every, capsys):
    assert "of its own" in refused(capsys, "evaluate", every / "hops", *options)


@pytest.mark.parametrize("name", ["yes-no", "article"])
def test_predict_says_how_sure_a_yes_is(name, every, picture, capsys):
    config, model, _ = runs.open_run(every / name)
    question = "is there a circle?"
    for n in 0, 3:
        rows = dict(answers(capsys, every / name, picture(TEST.images[n]), question))
        asked = data.Questions(TEST.images[[n]], np.zeros(1, np.int64), [question],
                               ["no"])
        z, _ = model(**recipes.prepare(asked, config).batch([0])[0])
        yes = 100 / (1 + np.exp(-float(z[0, 0])))
        assert rows == {"yes": pytest.approx(yes, abs=0.0051),
                        "no": pytest.approx(100 - yes, abs=0.0051)}
        assert list(rows)[0] == ("yes" if yes > 50 else "no")


def test_predict_measures_in_shares_of_the_picture(every, picture, capsys):
    config, model, task = runs.open_run(every / "measure")
    test = recipes.examples(config)[2]
    inputs, _ = test.batch(np.arange(8))
    z = model(**inputs)[0][:, 0]
    for n in 0, 4, 20:
        text = list(derived.MEASURES)[n % 3]
        usual, spread = derived.MEASURES[text]
        for question in text, text.upper().strip("?"):
            capsys.readouterr()
            assert main(["predict", str(every / "measure"), "--image",
                         picture(TEST.images[n // 3]), "--question", question]) == 0
            said = float(capsys.readouterr().out)
            assert said == pytest.approx(usual + spread * float(z[n]), abs=0.00051)


def test_predict_measures_nothing_else(every, picture, capsys):
    for question in QUESTION, "how far is the shape?", "":
        line = refused(capsys, "predict", every / "measure", "--image", picture(),
                       "--question", question)
        assert "its questions are: how far from the left is the shape? how" in line


@pytest.mark.parametrize("name", ["sort-of-clevr", "hops"])
def test_predict_answers_about_scenes(name, every, picture, capsys):
    config, model, _ = runs.open_run(every / name)
    images, _ = clevr.generate(np.random.default_rng(5), 2)
    for k in 0, 20, 35:
        p, _ = softmax(model(**clevr.encode(images, 36))[0][1, k])
        rows = answers(capsys, every / name, picture(images[1]), clevr.QUESTIONS[k],
                       "--top", "99")
        assert dict(rows) == {answer: pytest.approx(100 * float(q), abs=0.0051)
                              for answer, q in zip(clevr.ANSWERS, p, strict=True)}
    small = answers(capsys, every / name, picture(TEST.images[0]), clevr.QUESTIONS[0])
    assert len(small) == 3                           # a picture of any size


def test_a_run_that_matches_takes_no_question(every, picture, capsys):
    assert "it takes no question" in refused(
        capsys, "predict", every / "match", "--image", picture(), "--question", "a red")


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_run_refuses_what_it_cannot_read(name, every, picture, capsys):
    for question, image in (("warum nicht", picture()), ("", picture()),
                            ("is a the " * 30, picture()), (QUESTION, "missing.png")):
        run = every / name
        if question.startswith("is") and name not in ("attention", "match", "measure"):
            continue                                 # as long as one likes
        refused(capsys, "predict", run, "--image", image, "--question", question)


# ---- runs that are damaged ----------------------------------------------------------

def text(new):
    return lambda path: path.write_text(new, "utf-8")


def change(**entries):
    """Change entries of a config.json; None takes one out."""
    def damage(path):
        config = {**json.loads(path.read_text("utf-8")), **entries}
        path.write_text(json.dumps({k: v for k, v in config.items() if v is not None}))
    return damage


def arrays(function):
    """Change the arrays of a checkpoint by a function that returns others."""
    def damage(path):
        checkpoint.save(path, function(checkpoint.load(path)))
    return damage


def flip(path):
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)


def rename(old, new):
    return lambda found: {k.replace(old, new): v for k, v in found.items()}


DAMAGED = {
    "config.json": {
        "missing": (Path.unlink, "is not a run: there is no"),
        "empty": (text(""), "is not a run's config"),
        "not JSON": (text('{"data": "shapes"'), "is not a run's config"),
        "nested": (text("[" * 100_000), "is not a run's config"),
        "a list": (text("[1, 2]"), "it is no JSON object"),
        "not UTF-8": (lambda path: path.write_bytes(b'{"data": "\xff"}'), "utf-8"),
        "no epochs": (change(epochs=None), r"missing \['epochs'\]"),
        "no data": (change(data=None), r"missing \['data'\]"),
        "one more": (change(speed=3), r"not expected \['speed'\]"),
        "epochs": (change(epochs="8"), "epochs must be a int, got '8'"),
        "no epoch": (change(epochs=0), "epochs must be at least 1"),
        "seed": (change(seed=-3), "seed must be at least 0"),
        "lr": (change(lr=[0.1]), "lr must be a float"),
        "a yes": (change(batch_size=True), "batch_size must be a int, got True"),
        "words": (change(words="is"), "words must be a tuple"),
        "a number": (change(words=["is", 3]), "words and answers must be strings"),
        "a word twice": (change(words=["is", "is"]), "distinct"),
        "no word": (change(words=["is it"]), "single words"),
        "inputs": (change(inputs="all"), "inputs must be one of"),
        "no task": (change(task=None), r"missing \['task'\]"),
        "task": (change(task="draw"), "task must be one of"),
        "fusion": (change(fusion=3), "fusion must be a str, got 3"),
        "warmup": (change(warmup=1), "warmup must be 0 or more and less than 1"),
        "scenes": (change(data="sort-of-clevr"), "does not go with --text rnn"),
        "other task": (change(task="yes-no"), "answers must be no and yes"),
        "fewer words": (change(words=["is", "there"]), "of another model|embedding"),
        "fewer answers": (change(answers=["no"]), "head"),
        "a folder": (lambda path: (path.unlink(), path.mkdir()), "is not a run")},
    "weights": {
        "cut": (cut, "is not a sound checkpoint"), "flipped": (flip, "CRC"),
        "text": (text("weights"), "is not a sound checkpoint"),
        "one less": (arrays(lambda found: dict(list(found.items())[1:])), "missing"),
        "one more": (arrays(lambda found: {**found, "model.w": found.popitem()[1]}),
                     "missing|not expected"),
        "other names": (arrays(rename("head", "tail")), "of another model: missing"),
        "doubles": (arrays(lambda found: {k: v.astype(float) for k, v in
                                          found.items()}), "float64"),
        "flat": (arrays(lambda found: {k: v.ravel() for k, v in found.items()}),
                 "in the model but|another model"),
    },
}
ROWS = [(*where, *row) for where in (
            ("config.json", "config.json", "evaluate"),
            ("config.json", "config.json", "train"),
            ("weights", "weights.npz", "predict"),
            ("weights", "weights.npz", "evaluate"),
            ("weights", "checkpoint.npz", "train"))
        for row in DAMAGED[where[0]].items()] + [
    ("", "weights.npz", "evaluate", "missing", (Path.unlink, "there is no checkpoint")),
    ("", "checkpoint.npz", "train", "no history", (arrays(
        lambda found: {k: v for k, v in found.items() if "history" not in k}),
        "its history must have epoch, loss")),
    ("", "checkpoint.npz", "train", "short", (arrays(
        lambda found: {**found, "history.loss": found["history.loss"][:1]}), "short")),
    ("", "checkpoint.npz", "train", "one number", (arrays(
        lambda found: {**found, "history.loss": np.array(1.0)}), "checkpoint.npz")),
    ("", "checkpoint.npz", "train", "no velocity", (arrays(
        rename("optimizer", "other")), "saved state is of another model"))]


@pytest.mark.parametrize("file, command, damage, message", [
    pytest.param(file, command, *row, id=f"{command} {file} {name}")
    for _, file, command, name, row in ROWS])
def test_a_damaged_run_is_one_line_and_stays_as_it_is(file, command, damage, message,
                                                      run, picture, capsys):
    damage(run / file)
    before = contents(run)
    line = refused(capsys, *{
        "evaluate": ["evaluate", run], "train": ["train", "--resume", run],
        "predict": ["predict", run, "--image", picture(), "--question", QUESTION],
    }[command])
    assert re.search(message, line), line
    assert contents(run) == before


@pytest.mark.parametrize("command", [["evaluate"], ["train", "--resume"],
                                     ["predict", "--image=a", "--question=b"]])
def test_a_missing_run_is_named(command, tmp_path, capsys):
    assert re.search("missing is not a run: there is no .*config.json",
                     refused(capsys, *command, tmp_path / "missing"))
    assert not list(tmp_path.iterdir())


# ---- as a program -------------------------------------------------------------------

def test_it_runs_as_a_program_elsewhere_and_on_an_old_code_page(trained, picture,
                                                                tmp_path):
    (tmp_path / "here").mkdir()
    shutil.copytree(trained, tmp_path / "here" / "ход")
    picture(name="кот.png")
    done = subprocess.run(
        [sys.executable, "-m", "numnet", "predict", "ход", "--image", "../кот.png",
         "--question", "what color is the круг?"], cwd=tmp_path / "here",
        capture_output=True, env=environment(PYTHONIOENCODING="cp1252", PYTHONUTF8="0"))
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.decode("cp1252").splitlines()) == 3
    assert rb"never read: \u043a\u0440\u0443\u0433" in done.stderr


def test_a_name_that_the_code_page_lacks_does_not_stop_training(tmp_path):
    with program("train", "--data", "shapes", "--epochs", "1", "--out",
                 tmp_path / "ход", PYTHONIOENCODING="cp1252") as process:
        out, err = process.communicate()
    assert process.returncode == 0 and not err, err
    assert r"writing to" in out and r"\u0445\u043e\u0434" in out
    assert (tmp_path / "ход" / "metrics.json").exists()


def test_the_version_is_the_packages(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.strip() == numnet.__version__


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other memory managers")
def test_training_keeps_freed_memory_for_the_next_arrays():
    """A page that is used again is not found anew: fewer faults, of whatever size."""
    done = subprocess.run([sys.executable, "-c", """
import resource
import numpy as np
from numnet.commands import _keep_freed_memory
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(40):
        np.ones(2 ** 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
before = faults()
_keep_freed_memory()
print(before, faults())
"""], capture_output=True, encoding="utf-8", env=environment(), check=True)
    anew, kept = map(int, done.stdout.split())
    assert kept < anew / 5
