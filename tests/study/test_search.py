import re
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from made import make_run

from numnet import data, recipes, runs
from numnet.__main__ import main
from numnet.data import derived
from numnet.data.shapes import generate
from numnet.data.text import Tokenizer
from numnet.evaluation import embed, measure
from numnet.study import plots, search

Image = pytest.importorskip("PIL.Image")
TRAIN = generate(np.random.default_rng(1), 600)
TEST = generate(np.random.default_rng(2), 80)
CAPTION = Counter(derived.captioned(TEST).question).most_common(1)[0][0]


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(data, "load", lambda name, seed=0: (TRAIN, TEST))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A joint embedding that has learned what fits what."""
    folder = tmp_path_factory.mktemp("runs") / "match"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(data, "load", lambda name, seed=0: (TRAIN, TEST))
        monkeypatch.setattr(plots, "save", lambda figure, path: None)
        metrics = runs.start(recipes.configure(data="shapes", task="match"), folder,
                             say=lambda line: None)
    assert metrics["recall_at_1_picture_of_caption"] > 0.9
    return folder


@pytest.fixture
def drawn(monkeypatch):
    """What is drawn, instead of a file."""
    figures = []
    monkeypatch.setattr(plots, "save", lambda figure, path: figures.append(figure))
    return figures


def said(capsys, *arguments):
    capsys.readouterr()
    code = main(["search", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return code, out.splitlines(), err


def fits(run, caption):
    """How well each test picture fits a caption, one by one, and their captions."""
    config, model, _ = runs.open_run(run)
    asked = recipes.sources(config)[2]
    test = recipes.prepare(asked, config)
    ids, lengths = Tokenizer(config.words).encode([caption])
    z = []
    for picture in test.images:
        (u, v), _ = model(images=picture[None], ids=ids, lengths=lengths)
        z.append(float(u[0] @ v[0]))
    return np.array(z), asked


def test_the_nearest_pictures_come_first_with_their_numbers(trained, drawn, capsys):
    code, (about, *rows, recall), err = said(capsys, trained, CAPTION, "--top", 7)
    z, asked = fits(trained, CAPTION)
    order = np.argsort(-z)[:7]
    assert code == 0 and not err and len(rows) == 7
    for row, k in zip(rows, order, strict=True):
        fit, caption = row.split(maxsplit=1)
        assert float(fit) == pytest.approx(z[k], abs=0.00051)
        assert caption == asked.question[k]
    assert all(row.endswith(CAPTION) for row in rows[:3])
    assert about == f"search.png: the nearest to “{CAPTION}” of {len(z)} pictures"
    figure, = drawn
    assert figure.get_suptitle() == CAPTION and len(figure.axes) == 7
    for axes, k in zip(figure.axes, order):
        picture, = axes.images
        assert (picture.get_array() == asked.images[k]).all()
        caption, fit = axes.get_title().split("\n")
        assert caption == asked.question[k] and re.fullmatch(r"-?\d\.\d{3}", fit)
        assert float(fit) == pytest.approx(z[k], abs=0.00051)


def test_the_recall_is_the_one_that_evaluate_gives(trained, drawn, capsys):
    config, model, task = runs.open_run(trained)
    test = recipes.prepare(recipes.sources(config)[2], config)
    metrics, _ = measure(config, model, task, test)
    *_, recall = said(capsys, trained, CAPTION)[1]
    numbers = re.findall(r"\d\.\d{4}", recall)
    assert numbers == [f"{metrics[f'recall_at_1_{what}']:.4f}" for what in (
        "caption_of_picture", "picture_of_caption")]
    assert re.findall(r"among (\d+)", recall) == [str(metrics["captions"]),
                                                  str(metrics["pictures"])]


def exact(run):
    """A run's configuration and its model, in float64: what differs is no rounding."""
    config, model, _ = runs.open_run(run)
    for p in model.parameters():
        p.value = p.value.astype(float)
    return config, model


def test_pictures_and_captions_lie_where_each_lies_alone(trained):
    config, model = exact(trained)
    test = recipes.prepare(recipes.sources(config)[2], config)
    u, v = embed(model, test)
    assert len(u) == len(test.images) and len(v) == len(test.texts)
    for k in 0, 5, len(u) - 1:
        text = test.text[k]
        (one, other), _ = model(images=test.images[[k]], ids=test.ids[[text]],
                                lengths=test.lengths[[text]])
        assert np.allclose(one[0], u[k], rtol=0, atol=1e-12)
        assert np.allclose(other[0], v[text], rtol=0, atol=1e-12)


def test_a_word_never_read_is_told_and_left_out(trained, drawn, capsys):
    plain = said(capsys, trained, "teal circle")
    code, lines, err = said(capsys, trained, "Tiny teal CIRCLE, please!")
    assert code == 0 and err == "words the model has never read: tiny, please\n"
    assert lines[1:] == plain[1][1:] and "“Tiny teal CIRCLE, please!”" in lines[0]


def test_the_captions_of_a_picture_are_ranked(trained, drawn, capsys, tmp_path):
    asked = derived.captioned(TEST)
    k = asked.question.index(CAPTION)
    Image.fromarray(asked.images[k]).resize((640, 640)).save(tmp_path / "a.png")
    code, (*rows, recall), err = said(capsys, trained, "--image", tmp_path / "a.png",
                                      "--top", 3)
    assert code == 0 and not err and len(rows) == 3 and not drawn
    assert rows[0].endswith(CAPTION) and recall.startswith("recall@1")
    fits = [float(row.split()[0]) for row in rows]
    assert fits == sorted(fits, reverse=True) and -1 <= fits[2] < fits[0] <= 1


def test_a_photograph_of_12_megapixels_finds_its_colour(trained, capsys, tmp_path):
    y, x = np.ogrid[:3000, :4000]
    pixels = np.full((3000, 4000, 3), (240, 236, 244), np.uint8)
    pixels[(x - 2400) ** 2 + (y - 1300) ** 2 < 700 ** 2] = (0, 128, 128)
    Image.fromarray(pixels).save(tmp_path / "a.jpg", quality=90)
    code, rows, _ = said(capsys, trained, "--image", tmp_path / "a.jpg")
    assert code == 0 and "a teal" in rows[0]


def test_one_file_is_written_where_it_is_wanted(trained, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert said(capsys, trained, "$5 red", "-o", "ход.png", "--top", 3)[0] == 0
    assert said(capsys, trained, "$5 red", "--top", 80)[0] == 0
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["search.png",
                                                                  "ход.png"]
    with Image.open("search.png") as picture:
        assert picture.format == "PNG" and picture.height > picture.width


@pytest.mark.parametrize("arguments, message", [
    (["zebra crossing"], "never read a word of this caption: zebra, crossing"),
    (["?"], "has no words"), (["a red circle", "-o", "no/where.png"], "No such file"),
    (["--image", "missing.png"], "there is no picture missing.png"),
    (["--image", "a.png", "-o", "b.png"], "--out is for pictures")])
def test_what_cannot_be_searched_is_one_line(arguments, message, trained, capsys,
                                             monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    code, out, err = said(capsys, trained, *arguments)
    assert code == 2 and message in err and err.splitlines()[-1].startswith("numnet: ")
    assert not list(tmp_path.iterdir())


def test_a_run_of_another_task_is_refused(tmp_path, capsys):
    make_run(tmp_path, "yes-no")
    code, out, err = said(capsys, tmp_path, "a red circle")
    assert code == 2 and not out and err.count("\n") == 1
    assert "must be trained by --task match, its task is yes-no" in err


def test_a_caption_or_a_picture_is_needed_and_not_both(capsys):
    for more in [], ["a red circle", "--image", "a.png"]:
        with pytest.raises(SystemExit) as caught:
            main(["search", "run", *more])
        assert caught.value.code == 2


def test_the_nearest_are_the_largest_and_of_equals_the_first():
    fits = np.float32([0.5, -1, 0.75, 0.5, 0.75])
    assert search.nearest(fits, 3) == [(2, 0.75), (4, 0.75), (0, 0.5)]
    assert len(search.nearest(fits, 99)) == 5


def test_one_given_side_does_not_move_the_other(trained):
    config, model = exact(trained)
    test = recipes.prepare(recipes.sources(config)[2], config)
    some = SimpleNamespace(images=test.images[3:], ids=test.ids[2:],
                           lengths=test.lengths[2:])
    u, _ = search.place(model, test, {"images": test.images[5:6]})
    again, _ = search.place(model, some, {"images": test.images[5:6]})
    assert np.allclose(u, again, rtol=0, atol=1e-12)
    assert np.allclose(u, embed(model, test)[0][5], rtol=0, atol=1e-12)
