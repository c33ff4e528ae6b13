import json
from dataclasses import asdict

import numpy as np
import pytest

from numnet import checkpoint, recipes
from numnet.data import sort_of_clevr as clevr
from numnet.study import looking, plots
from numnet.study.stepper import watch

QUESTION = clevr.QUESTIONS[18]
PICTURES, _ = clevr.generate(np.random.default_rng(0), 2)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write(tmp_path_factory.mktemp("run"), fusion="attention")


def write(folder, **chosen):
    """An untrained run."""
    config = recipes.complete(recipes.configure(data="sort-of-clevr", **chosen))
    model, _ = recipes.build(config)
    checkpoint.save(folder / "weights.npz", model.state_dict())
    checkpoint.write_text(folder / "config.json", json.dumps(asdict(config)))
    return folder


@pytest.fixture
def drawn(monkeypatch):
    """What is drawn, instead of a file."""
    figures = []
    monkeypatch.setattr(plots, "save", lambda figure, path: figures.append(figure))
    return figures


def test_the_shares_are_those_by_which_the_network_answers(run):
    config, model, _ = looking.runs.open_run(run)
    for p in model.parameters():                     # what differs then is no rounding
        p.value = p.value.astype(float)
    shares, said = looking.shares(model, config, PICTURES[1], QUESTION)
    assert shares.shape == (3, 4, 100) and np.allclose(shares.sum(axis=-1), 1)
    with watch("attention.2") as steps:
        z, _ = model(**clevr.encode(PICTURES, clevr.ASKED))
    assert said == clevr.ANSWERS[z[1, 18].argmax()]
    for hop, step in zip(shares, steps, strict=True):
        assert np.allclose(hop, step.arrays["p"][1, :, 18], rtol=0, atol=1e-12)


def test_a_picture_is_drawn_with_a_panel_for_each_hop_and_head(run, drawn, monkeypatch):
    given = []
    draw = plots.attention_over
    monkeypatch.setattr(plots, "attention_over",
                        lambda *args: given.append(args) or draw(*args))
    answer = looking.look(run, QUESTION, "a.png", PICTURES[0])
    (picture, shares, *_), (figure,) = *given, drawn
    assert figure.get_suptitle() == f"{QUESTION}\nanswer: {answer}"
    whole, *panels, bar = figure.axes
    assert len(panels) == 12 and (picture == PICTURES[0]).all()
    assert bar.get_ylabel() == "share of the head's attention"
    assert [axes.get_title() for axes in panels[:4]] == [f"head {k}" for k in "1234"]
    assert [axes.get_ylabel() for axes in panels[::4]] == [f"hop {k}" for k in "123"]
    for share, axes in zip(shares.reshape(12, 100), panels):
        dark = np.asarray(axes.images[1].get_array())[..., 3].ravel()
        light = np.square(1 - dark / plots.DARKEST) * shares.max()
        assert np.allclose(light, share, atol=1e-6)
        assert len(axes.collections) == 6            # an outline for each thing


def test_a_cell_lies_where_its_convolutions_look(drawn):
    """The middle of cell k is pixel 8 k: the middle tap of three steps of two."""
    even = np.full((2, 3, 100), 0.01)
    plots.attention_over(PICTURES[0], even, (10, 10), "what?", "yes", "a.png")
    panel = drawn[0].axes[1]
    assert panel.images[1].get_extent() == [-4, 76, 76, -4]
    assert panel.get_xlim() == (-0.5, 74.5) and panel.get_ylim() == (74.5, -0.5)


def test_a_photograph_has_no_outlines_and_a_dollar_is_a_dollar(drawn, tmp_path):
    photograph = np.random.default_rng(0).integers(0, 255, (16, 24, 3), np.uint8)
    even = np.full((1, 2, 6), 1 / 6)
    plots.attention_over(photograph, even, (2, 3), "$5 or $6?", "$", "a.png")
    assert drawn[0].get_suptitle() == "$5 or $6?\nanswer: $"
    assert not any(axes.collections for axes in drawn[0].axes[:3])


def test_the_command_draws_a_test_picture(run, tmp_path, capsys):
    from PIL import Image
    out = tmp_path / "looking.png"
    arguments = [str(run), "--question", QUESTION, "--out", str(out)]
    assert looking.main([*arguments, "--picture", "3"]) == 0
    with Image.open(out) as picture:
        assert picture.format == "PNG" and picture.width > picture.height > 300
    answer, _, said = capsys.readouterr().out.strip().partition("; ")
    assert answer in clevr.ANSWERS and said == f"drawn in {out}"
    assert looking.main([*arguments, "--picture", "1000"]) == 2
    error = capsys.readouterr().err
    assert error == "numnet: look: picture must be in 0..999, got 1000\n"


@pytest.mark.parametrize("question, picture, message", [
    ("what is the shape of the zebra?", PICTURES[0], "has never read zebra"),
    (QUESTION, PICTURES[0][:70], r"must be \(75, 75, 3\), got \(70, 75, 3\)"),
    (QUESTION, -1, "in 0..999, got -1")])
def test_what_cannot_be_looked_at_is_refused(run, question, picture, message, drawn):
    with pytest.raises(ValueError, match=message):
        looking.look(run, question, "a.png", picture)
    assert drawn == []


def test_a_run_without_attention_is_refused(tmp_path):
    folder = write(tmp_path, fusion="concatenation")
    with pytest.raises(ValueError, match="trained on sort-of-clevr by attention"):
        looking.look(folder, QUESTION, "a.png")
