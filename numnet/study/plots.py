"""Pictures of a run: loss and accuracy, the confusion matrix, the ablation.

Every function writes one PNG, whole or not at all, without a display. Colours are
those of Okabe and Ito, told apart by colour-blind eyes too.
"""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from numnet.checkpoint import write_atomically

BLUE, ORANGE, GRAY = "#0072B2", "#E69F00", "#999999"


def curves(history, path):
    """Loss and accuracy of training and validation, epoch by epoch."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    epochs = [row["epoch"] for row in history]
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy")):
        training = "loss" if name == "loss" else "train_accuracy"
        axes.plot(epochs, [row[training] for row in history], "o-", color=BLUE,
                  label="training, while learning")
        axes.plot(epochs, [row[f"validation_{name}"] for row in history], "s--",
                  color=ORANGE, label="validation, after the epoch")
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
    axes.legend()
    save(figure, path)


def confusion(matrix, classes, path):
    """Which answer was given (column) to questions of each true answer (row)."""
    figure = Figure(figsize=(1.5 + 0.55 * len(classes), 1.2 + 0.5 * len(classes)),
                    layout="constrained")
    axes = figure.subplots()
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            axes.text(column, row, str(count), ha="center", va="center", fontsize=8,
                      color="white" if share[row, column] > 0.5 else "black")
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right",
                    parse_math=False)                # a $ is a $
    axes.set_yticks(range(len(classes)), classes, parse_math=False)
    axes.set(xlabel="answer given", ylabel="true answer")
    save(figure, path)


def ablation(accuracies, path):
    """Test accuracy with both inputs, and with what one alone can do."""
    figure = Figure(figsize=(6.5, 3.2), layout="constrained")
    axes = figure.subplots()
    names = list(accuracies)
    values = [100 * accuracies[name] for name in names]
    colours = [BLUE if name == "fused" else GRAY for name in names]
    bars = axes.barh(names, values, color=colours)
    axes.bar_label(bars, [f"{value:.2f} %" for value in values], padding=4)
    axes.set(xlabel="test accuracy (%)", xlim=(0, 118))
    axes.invert_yaxis()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    save(figure, path)


def save(figure, path):
    """Draw a figure into a PNG file."""
    FigureCanvasAgg(figure)
    write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=120))
