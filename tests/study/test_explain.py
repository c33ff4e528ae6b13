import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from elsewhere import environment
from made import KINDS, PICTURES, make_run

from numnet import asking, data, recipes, runs
from numnet.__main__ import main
from numnet.activation import softmax
from numnet.data import derived
from numnet.data import sort_of_clevr as clevr
from numnet.data.shapes import COLORS, SHAPES, cover, paint
from numnet.study import inside, plots
from numnet.study.explain import explain
from numnet.study.stepper import watch

Image = pytest.importorskip("PIL.Image")
ASKED = "what color is the shape?", "is there a red shape?"
SCENE = clevr.generate(np.random.default_rng(0), 1)[0][0]
QUESTIONS = {"hops": clevr.QUESTIONS[18], "scenes": clevr.QUESTIONS[3],
             "measure": next(iter(derived.MEASURES)), "yes-no": "is there a circle?",
             "article": "is there a circle?"}


def pictures(rng, n):
    """Pictures of one shape each, asked for its colour and whether that is red."""
    color = rng.integers(len(COLORS), size=n)
    images = paint(cover(rng.integers(len(SHAPES), size=n), rng), color, rng)
    names = [list(COLORS)[k] for k in color]
    answers = [answer for name in names
               for answer in (name, "yes" if name == "red" else "no")]
    return data.Questions(images, np.repeat(np.arange(n), 2), list(ASKED) * n, answers)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run that has learned to answer the two questions."""
    folder, rng = tmp_path_factory.mktemp("runs") / "trained", np.random.default_rng(0)
    made = pictures(rng, 260), pictures(rng, 40)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(data, "load", lambda name, seed=0: made)
        monkeypatch.setattr(plots, "save", lambda figure, path: None)
        metrics = runs.start(recipes.configure(data="shapes", epochs=5), folder,
                             say=lambda line: None)
    assert metrics["test_accuracy"] > 0.95
    return folder


@pytest.fixture(scope="module")
def reds(trained):
    """Pictures of red shapes that it has never seen, the run, and their explanations.
    """
    config, model, _ = runs.open_run(trained)
    asked = pictures(np.random.default_rng(5), 60)
    images = asked.images[[k for k in range(60) if asked.answer[2 * k] == "red"]]
    assert len(images) >= 4
    return config, model, [{question: explain(config, model, picture, question)
                            for question in ASKED} for picture in images]


@pytest.fixture
def exact(reds):
    """The run's model, for a while in float64: what differs then is no rounding."""
    _, model, _ = reds
    before = [(p, p.value) for p in model.parameters()]
    for p, value in before:
        p.value = value.astype(float)
    yield model
    for p, value in before:
        p.value = value


def share(config, model, picture, question, answer):
    """How likely an answer is, as `numnet predict` says it."""
    z, _ = model(**asking.ask(config, picture, question))
    return asking.shares(config, z)[config.answers.index(answer)]


def shape_of(picture):
    """Where the shape is."""
    ground = inside.painted_over(picture, 0, 0, len(picture))
    return np.abs(picture.astype(int) - ground).max(axis=2) > 0


# ---- the answer's evidence ----------------------------------------------------------

def test_when_the_evidence_is_painted_over_the_answer_goes_and_so_do_its_pixels(
        reds, exact):
    config, model, explained = reds
    for each in explained:
        for question, answer in zip(ASKED, ("red", "yes")):
            why = each[question]
            assert why.answer == answer and np.abs(why.pixels).sum() > 1
            gone = inside.painted_over(why.picture, 0, 0, 64)
            before, after = (share(config, model, picture, question, answer)
                             for picture in (why.picture, gone))
            assert before > 0.9 and after < before / 2
            empty = explain(config, model, gone, question)
            assert not empty.pixels.any() and np.abs(empty.painted).max() < 1e-12
            assert empty.e == pytest.approx(empty.blank, abs=1e-12)


def test_the_pixels_parts_lie_on_the_shape_and_add_up_to_what_it_makes(reds):
    for each in reds[2]:
        for why in each.values():
            near = shape_of(why.picture).reshape(32, 2, 32, 2).any(axis=(1, 3))
            assert not why.pixels[~near].any() and near.mean() < 0.6
            assert why.pixels.sum() == pytest.approx(why.e - why.blank, rel=0.05)
            assert why.e - why.blank > 2


def test_a_patch_on_the_shape_takes_more_than_one_beside_it(reds):
    """And nothing is lost where a square can lie on the ground alone."""
    for each in reds[2]:
        why = each[ASKED[1]]
        shape = shape_of(why.picture)
        rows, columns = (np.flatnonzero(shape.any(axis=k)) for k in (1, 0))
        far = np.ones((64, 64), bool)
        far[max(rows[0] - 16, 0):rows[-1] + 17,
            max(columns[0] - 16, 0):columns[-1] + 17] = False
        assert np.abs(why.painted[far]).max(initial=0) < 1e-3
        assert np.abs(why.painted[shape]).mean() > np.abs(why.painted[~shape]).mean()


def test_the_maps_follow_the_shape_to_another_place(reds):
    config, model, explained = reds
    moved = 0
    for each in explained:
        why = each[ASKED[0]]
        columns = np.flatnonzero(shape_of(why.picture).any(axis=0))
        if columns[0] < 24:                          # by whole steps of the pooling
            continue
        there = explain(config, model, np.roll(why.picture, -16, axis=1), ASKED[0])
        assert there.answer == "red"
        assert centre(there.pixels) == pytest.approx(centre(why.pixels) - 8, abs=3)
        moved += 1
    assert moved


def centre(values):
    """The column about which these numbers lie."""
    return (np.abs(values).sum(axis=0) @ np.arange(values.shape[1])
            / np.abs(values).sum())


def test_a_word_that_is_put_out_costs_what_a_zero_in_its_place_costs(reds):
    """By hand: a question with a word more in the vocabulary, whose vector is 0."""
    config, model, explained = reds
    why = explained[0][ASKED[1]]
    assert why.words == ["is", "there", "a", "red", "shape"]
    inputs = asking.ask(config, why.picture, ASKED[1])
    table = model.text_encoder.embedding.w
    before = table.value
    try:
        table.value = np.concatenate([before, np.zeros_like(before[:1])])
        for t in range(5):
            ids = inputs["ids"].copy()
            ids[0, t] = len(before)
            p, _ = softmax(model(**inputs | {"ids": ids})[0][0].astype(float))
            yes = p[config.answers.index(why.answer)]
            assert why.e - why.erased[t] == pytest.approx(np.log(yes / (1 - yes)),
                                                          abs=1e-3)
    finally:
        table.value = before


def test_a_words_slope_is_what_a_little_less_of_it_costs(reds):
    config, model, explained = reds
    why = explained[0][ASKED[1]]
    inputs = asking.ask(config, why.picture, ASKED[1])
    network = inside.of_inputs(model)
    w = inside.word_vectors(model, inputs["ids"]).astype(float)
    a = config.answers.index(why.answer)

    def e(w):
        return inside.log_odds(network(inputs["images"].astype(float), w)[0],
                               answer=a)[0][0]

    for t in range(5):
        less = w.copy()
        less[0, t] *= 1 - 1e-6
        assert why.slopes[t] == pytest.approx((e(w) - e(less)) / 1e-6, abs=1e-3)


# ---- every kind of run --------------------------------------------------------------

@pytest.fixture(scope="module")
def every(tmp_path_factory):
    folder = tmp_path_factory.mktemp("every")
    for kind in KINDS:
        (folder / kind).mkdir()
        make_run(folder / kind, kind)
    return folder


@pytest.mark.parametrize("kind", [
    "concatenation, attention", "gated, lstm", "attention, rnn", "attention, attention",
    "yes-no", "measure", "article", "hops", "scenes"])
def test_every_kind_of_run_explains_itself(kind, every):
    config, model, _ = runs.open_run(every / kind)
    question = QUESTIONS.get(kind, PICTURES.question[0])
    picture = SCENE if kind in ("hops", "scenes") else PICTURES.images[0]
    before = model.state_dict()
    why = explain(config, model, picture, question)
    z, _ = model(**asking.ask(config, picture, question))
    z = z.reshape(-1).astype(float)
    if kind == "measure":
        usual, spread = derived.MEASURES[question]
        assert why.e == pytest.approx(usual + spread * z[0], abs=1e-5)
        assert why.answer == f"{why.e:.3f}" and why.name == "measure"
    else:
        p = asking.shares(config, z)
        assert why.answer == config.answers[p.argmax()] and why.sure.endswith(" %")
        assert why.e == pytest.approx(np.log(p.max() / (1 - p.max())), abs=1e-3)
        assert why.name == f"log-odds of {why.answer}"
    size, shrink = recipes.picture_size(config)
    t = len(why.words)
    assert why.pixels.shape == (size // shrink, size // shrink)
    assert why.painted.shape == (size, size)
    assert why.slopes.shape == why.erased.shape == (t,)
    assert why.pixels.sum() == pytest.approx(why.e - why.blank, rel=0.1, abs=0.02)
    assert (why.heads is None) == (kind not in ("attention, rnn", "hops",
                                                "attention, attention"))
    assert all((model.state_dict()[name] == value).all()
               for name, value in before.items())


@pytest.mark.parametrize("kind", ["attention, rnn", "attention, attention"])
def test_the_heads_are_those_that_look_from_words_at_the_picture(kind, every):
    config, model, _ = runs.open_run(every / kind)
    why = explain(config, model, PICTURES.images[0], PICTURES.question[0])
    with watch("attention.3") as steps:
        model(**asking.ask(config, PICTURES.images[0], PICTURES.question[0]))
    assert why.heads.shares.shape == (4, len(why.words), 64)
    assert np.allclose(why.heads.shares.sum(axis=2), 1, atol=1e-5)
    assert why.heads.columns == why.words and why.heads.row == "head"
    assert len(steps) == 1 + (kind == "attention, attention")


# ---- the figure ---------------------------------------------------------------------

def drawn(monkeypatch, why):
    figures = []
    monkeypatch.setattr(plots, "save", lambda figure, path: figures.append(figure))
    plots.explanation(why, "a.png")
    return figures[0]


def test_the_figure_shows_the_numbers_of_the_explanation(reds, monkeypatch):
    why = reds[2][0][ASKED[1]]
    figure = drawn(monkeypatch, why)
    assert figure.get_suptitle() == f"{ASKED[1]}   yes {why.sure}"
    whole, pixels, places, words = figure.subfigs[0].axes[:4]
    assert (whole.images[0].get_array() == why.picture).all()
    for axes, values in (pixels, why.pixels), (places, why.painted):
        tint = np.asarray(axes.images[1].get_array())
        assert np.allclose(tint[..., 3], np.abs(values) / np.abs(values).max())
        positive = values > 0
        assert np.allclose(tint[positive][:, :3], plots.to_rgb(plots.BLUE))
        assert np.allclose(tint[~positive][:, :3], plots.to_rgb(plots.ORANGE))
        assert axes.images[1].get_extent() == [-0.5, 63.5, 63.5, -0.5]
    assert np.allclose([bar.get_width() for bar in words.patches], why.erased)
    assert [label.get_text() for label in words.get_yticklabels()] == why.words
    assert np.allclose(words.lines[0].get_xdata(), why.slopes)


def test_a_panel_for_each_head_and_word_or_hop(every, monkeypatch):
    for kind, picture, rows, columns in (
            ("attention, rnn", PICTURES.images[0], "head", None),
            ("hops", SCENE, "hop", [f"head {k}" for k in "1234"])):
        config, model, _ = runs.open_run(every / kind)
        question = QUESTIONS.get(kind, PICTURES.question[0])
        why = explain(config, model, picture, question)
        *panels, bar = drawn(monkeypatch, why).subfigs[1].axes
        shares = why.heads.shares
        assert len(panels) == shares.shape[0] * shares.shape[1]
        for share, axes in zip(shares.reshape(-1, shares.shape[2]), panels):
            tint = np.asarray(axes.images[1].get_array())[..., 3].ravel()
            assert np.allclose(np.square(tint) * shares.max(), share, atol=1e-6)
        width = shares.shape[1]
        assert [axes.get_title() for axes in panels[:width]] == (columns or why.words)
        assert [axes.get_ylabel() for axes in panels[::width]] == [
            f"{rows} {k + 1}" for k in range(len(shares))]
        assert bar.get_ylabel() == "share of the attention"


@pytest.mark.parametrize("words", [1, 40])
def test_a_question_of_any_length_is_drawn(words, every, tmp_path):
    config, model, _ = runs.open_run(every / "attention, rnn")
    question = "is there $5 " * (words // 4) + "a"
    why = explain(config, model, PICTURES.images[0], question)
    plots.explanation(why, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.format == "PNG" and 400 < min(picture.size)
        assert max(picture.size) < 8000


# ---- the command --------------------------------------------------------------------

@pytest.fixture
def picture(tmp_path):
    """The path of a picture file, written from pixels."""
    def write(pixels=PICTURES.images[0], name="a.png", **options):
        Image.fromarray(pixels).save(tmp_path / name, **options)
        return tmp_path / name
    return write


def said(capsys, *arguments):
    capsys.readouterr()
    code = main(["explain", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return code, out, err


def test_the_command_draws_one_figure_and_says_what_is_in_it(trained, picture, capsys,
                                                             monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    path = picture()
    code, out, err = said(capsys, trained, "--image", path, "--question", ASKED[0])
    config, model, _ = runs.open_run(trained)
    why = explain(config, model, PICTURES.images[0], ASKED[0])
    assert code == 0 and not err and out.splitlines() == [
        f"{why.answer} {why.sure}",
        f"the log-odds of {why.answer}: {why.e:.2f}; of a blank picture: "
        f"{why.blank:.2f}; what the pixels did to it: {why.pixels.sum():.2f}; "
        "drawn in explain.png"]
    with Image.open("explain.png") as drawn:
        assert drawn.format == "PNG" and drawn.width > 1000
    code, _, _ = said(capsys, trained, "--image", path, "--question", ASKED[0], "-o",
                      "кот.png")
    assert Path("кот.png").read_bytes() == Path("explain.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.png", "explain.png", "кот.png"]


def test_a_photograph_of_12_megapixels_is_explained(trained, picture, capsys, tmp_path):
    """A red disc on pale paper, as a camera would keep it."""
    y, x = np.ogrid[:3000, :4000]
    pixels = np.full((3000, 4000, 3), (240, 236, 244), np.uint8)
    pixels[(x - 2400) ** 2 + (y - 1300) ** 2 < 700 ** 2] = (255, 0, 0)
    path = picture(pixels, "photograph.jpg", quality=90)
    code, out, err = said(capsys, trained, "--image", path, "--question", ASKED[0],
                          "-o", tmp_path / "b.png")
    assert code == 0 and out.startswith("red ") and not err
    assert (tmp_path / "b.png").exists()


def test_what_cannot_be_explained_is_one_line_and_nothing_is_drawn(
        trained, every, picture, capsys, tmp_path):
    path, out = picture(), tmp_path / "b.png"
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "blind").mkdir()
    for name in "weights.npz", "config.json":
        (tmp_path / "blind" / name).write_bytes((trained / name).read_bytes())
    config = json.loads((trained / "config.json").read_text("utf-8"))
    (tmp_path / "blind" / "config.json").write_text(
        json.dumps(config | {"inputs": "image only"}), "utf-8")
    for run, image, question, message in (
            (trained, path, "warum nicht", "never read a word of this question: warum"),
            (trained, path, "?", "has no words"),
            (trained, tmp_path / "missing.png", ASKED[0], "there is no picture"),
            (trained, tmp_path / "text.png", ASKED[0], "is not a whole PNG or JPEG"),
            (every / "match", path, "a blue circle", "it takes no question"),
            (every / "measure", path, ASKED[0], "this run measures"),
            (tmp_path / "blind", path, ASKED[0], "must see pictures and questions"),
            (tmp_path, path, ASKED[0], "is not a run")):
        code, printed, err = said(capsys, run, "--image", image, "--question", question,
                                  "-o", out)
        assert code == 2 and not printed and err.startswith("numnet: "), message
        assert message in err and err.count("\n") == 1
    assert not out.exists()


def test_unknown_words_are_told_and_the_others_are_explained(trained, picture, capsys,
                                                             tmp_path):
    code, out, err = said(capsys, trained, "--image", picture(), "--question",
                          "what colour is the shape?", "-o", tmp_path / "b.png")
    assert code == 0 and err == "words the model has never read: colour\n" and out


def test_it_speaks_on_an_old_code_page_too(trained, picture, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "numnet", "explain", str(trained), "--image",
         str(picture()), "--question", "is there a красный red shape?", "-o", "κ.png"],
        cwd=tmp_path, capture_output=True,
        env=environment(PYTHONIOENCODING="cp1252", PYTHONUTF8="0"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode("cp1252") and (tmp_path / "κ.png").exists()
