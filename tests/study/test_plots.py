import subprocess
import sys

import numpy as np
import pytest

from numnet.study import plots
from numnet.training import COLUMNS

HISTORY = [dict(zip(COLUMNS, (k, 2 / k, 0.2 * k, 2.5 / k, 0.15 * k, 1.0)))
           for k in range(1, 4)]
MATRIX = np.array([[7, 1, 0], [2, 1, 1], [0, 0, 0]])
CLASSES = ["yes", "no", "red"]
ACCURACIES = {"fused": 0.9995, "image only": 0.25, "text only": 1 / 3}

DRAWN = [(plots.curves, HISTORY), (plots.curves, HISTORY[:1]),
         (plots.confusion, MATRIX, CLASSES), (plots.confusion, MATRIX[:1, :1], ["a"]),
         (plots.confusion, np.eye(30, dtype=int), [f"answer {k}" for k in range(30)]),
         (plots.confusion, MATRIX, ["$5 or $6", "$\\x$", "50 % ^ é"]),
         (plots.ablation, ACCURACIES), (plots.ablation, {"$": 0.0, "fused": 1.0})]


@pytest.mark.parametrize("draw, arguments", [(row[0], row[1:]) for row in DRAWN])
def test_a_picture_is_one_png_of_a_sensible_size(draw, arguments, tmp_path):
    from PIL import Image
    draw(*arguments, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        picture.load()
        assert picture.format == "PNG" and 100 < min(picture.size) < 3000
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.fixture
def figure(monkeypatch):
    """What is drawn, instead of a file."""
    figures = []
    monkeypatch.setattr(plots, "save", lambda figure, path: figures.append(figure))
    return lambda draw, *arguments: draw(*arguments, "a.png") or figures.pop()


def test_the_curves_are_those_of_the_history(figure):
    loss, accuracy = figure(plots.curves, HISTORY).axes
    for axes, name, names in ((loss, "loss", ("loss", "validation_loss")),
                              (accuracy, "accuracy", ("train_rating",
                                                      "validation_rating"))):
        assert axes.get_ylabel() == name
        for line, column in zip(axes.lines, names, strict=True):
            assert line.get_xdata().tolist() == [1, 2, 3]
            assert line.get_ydata().tolist() == [row[column] for row in HISTORY]


def test_curves_and_ablation_name_the_measure_that_they_show(figure):
    _, rating = figure(lambda *a: plots.curves(*a, "R²"), HISTORY).axes
    assert rating.get_ylabel() == "R²"
    axes, = figure(lambda *a: plots.ablation(*a, "test r squared"),
                   {"fused": 0.9, "text only": -0.2}).axes
    assert axes.get_xlabel() == "test r squared (%)"
    assert axes.get_xlim()[0] < -20 and axes.get_xlim()[1] > 90


def test_the_confusion_matrix_has_the_truth_in_rows_and_every_count(figure):
    axes, = figure(plots.confusion, MATRIX, CLASSES).axes
    texts = {(*text.get_position(),): text.get_text() for text in axes.texts}
    assert texts == {(0, 0): "7", (1, 0): "1", (0, 1): "2", (1, 1): "1", (2, 1): "1"}
    assert axes.get_ylabel() == "true answer" and axes.get_xlabel() == "answer given"
    for labels in axes.get_xticklabels(), axes.get_yticklabels():
        assert [label.get_text() for label in labels] == CLASSES
    shades = axes.images[0].get_array().tolist()
    assert sum(shades, []) == pytest.approx([0.875, 0.125, 0, 0.5, 0.25, 0.25, 0, 0, 0])


def test_the_ablation_has_a_bar_for_each_run_with_its_accuracy(figure):
    axes, = figure(plots.ablation, ACCURACIES).axes
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == pytest.approx([99.95, 25, 100 / 3])
    assert [text.get_text() for text in axes.texts] == ["99.95 %", "25.00 %", "33.33 %"]
    assert [label.get_text() for label in axes.get_yticklabels()] == list(ACCURACIES)
    assert axes.get_xlabel() == "test accuracy (%)" and axes.get_xlim()[0] == 0


def test_a_picture_that_cannot_be_drawn_leaves_the_old_one(tmp_path, monkeypatch):
    plots.ablation(ACCURACIES, tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    monkeypatch.setattr("matplotlib.figure.Figure.savefig",
                        lambda self, file, **options: file.write(b"half") / 0)
    with pytest.raises(ZeroDivisionError):
        plots.ablation(ACCURACIES, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_importing_numnet_and_drawing_need_no_display():
    program = ("import sys, numnet, numnet.runs, numnet.__main__\n"
               "assert 'matplotlib' not in sys.modules\n"
               "import numnet.study.plots\n"
               "assert 'matplotlib.pyplot' not in sys.modules\n")
    subprocess.run([sys.executable, "-c", program], check=True)
