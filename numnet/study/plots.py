"""Pictures of a run: loss and accuracy, confusion matrix, ablation, attention.

Every function writes one PNG, whole or not at all, without a display. Colours are
those of Okabe and Ito, told apart by colour-blind eyes too.
"""

import json

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, PowerNorm, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from numnet.checkpoint import write_atomically
from numnet.study.drawn import structure

BLUE, ORANGE, GRAY = "#0072B2", "#E69F00", "#999999"
AGAINST_FOR = LinearSegmentedColormap.from_list("", [ORANGE, "white", BLUE])
DARKEST = 0.85                     # how much light is taken where there is no attention
TICKS = (0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)


def curves(history, path, rating="accuracy"):
    """Loss and rating of training and validation, epoch by epoch."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    epochs = [row["epoch"] for row in history]
    for axes, name in zip(figure.subplots(1, 2), ("loss", "rating")):
        training = "loss" if name == "loss" else "train_rating"
        axes.plot(epochs, [row[training] for row in history], "o-", color=BLUE,
                  label="training, while learning")
        axes.plot(epochs, [row[f"validation_{name}"] for row in history], "s--",
                  color=ORANGE, label="validation, after the epoch")
        axes.set(xlabel="epoch", ylabel=rating if name == "rating" else name)
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


def ablation(ratings, path, rating="test accuracy"):
    """The test's rating with both inputs, and with what one alone can do."""
    figure = Figure(figsize=(6.5, 3.2), layout="constrained")
    axes = figure.subplots()
    names = list(ratings)
    values = [100 * ratings[name] for name in names]
    colours = [BLUE if name == "fused" else GRAY for name in names]
    bars = axes.barh(names, values, color=colours)
    axes.bar_label(bars, [f"{value:.2f} %" for value in values], padding=4)
    axes.set(xlabel=f"{rating} (%)", xlim=(1.18 * min(0, *values), 118))
    axes.invert_yaxis()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    save(figure, path)


def attention_over(picture, attention, grid, question, answer, path, stride=8):
    """A picture, and how much light each head throws on its cells, hop by hop.

    picture (h, w, 3) uint8   attention (hops, heads, cells), shares that sum to 1
    grid (rows, columns) of the cells: the first lies around the first pixel, the next
    `stride` pixels on. All panels have one scale, and light alone carries the number;
    the outlines, in their own colours, say what stands where it is dark.
    """
    hops, heads, _ = attention.shape
    height, width = picture.shape[:2]
    figure = Figure(figsize=(1.5 * (hops + heads) + 1.2, 1.5 * hops + 1.1),
                    layout="constrained")
    places = figure.add_gridspec(hops, hops + heads)
    whole = figure.add_subplot(places[:, :hops])
    panels = np.array([[figure.add_subplot(places[hop, hops + head])
                        for head in range(heads)] for hop in range(hops)])
    figure.suptitle(f"{question}\nanswer: {answer}", fontsize=13, parse_math=False)
    scale = PowerNorm(0.5, vmin=0, vmax=attention.max())
    for axes in (whole, *panels.flat):
        axes.imshow(picture, interpolation="nearest")
        axes.set(xticks=[], yticks=[])
    for (hop, head), axes in np.ndenumerate(panels):
        dark = np.zeros((*grid, 4))
        dark[..., 3] = DARKEST * (1 - scale(attention[hop, head].reshape(grid)))
        axes.imshow(dark, interpolation="nearest", extent=stride * np.array(
            [-0.5, grid[1] - 0.5, grid[0] - 0.5, -0.5]))
        for mask, color in _things(picture):
            axes.contour(mask, [0.5], colors=[color], linewidths=1.2)
        axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    for name, edge, label in (("head", panels[0], "set_title"),
                              ("hop", panels[:, 0], "set_ylabel")):
        for k, axes in enumerate(edge, start=1):
            getattr(axes, label)(f"{name} {k}", fontsize=10)
    light = LinearSegmentedColormap.from_list("light", [str(1 - DARKEST), "white"])
    ticks = [tick for tick in TICKS if tick <= attention.max()]
    bar = figure.colorbar(ScalarMappable(scale, light), ax=panels, pad=0.02,
                          ticks=ticks, format=PercentFormatter(1, symbol=" %"))
    bar.set_label("share of the head's attention")
    save(figure, path)


def explanation(why, path):
    """A picture and a question, what their parts did, and where the heads looked.

    why: a numnet.study.explain.Explanation. Blue speaks for the answer, orange against
    it, over a pale picture.
    """
    rows, columns = why.heads.shares.shape[:2] if why.heads else (0, 1)
    width, height = max(14, 1.2 * columns), max(3.6, 0.25 * len(why.words))
    each = min(2.2, 0.8 * width / columns)           # of a head's panel
    figure = Figure(figsize=(width, height + rows * each + 0.5), layout="constrained")
    figure.suptitle(f"{why.question}   {why.answer} {why.sure}", fontsize=14,
                    parse_math=False)
    above, *below = figure.subfigures(1 + (rows > 0), 1, squeeze=False, height_ratios=[
        height, rows * each][:1 + (rows > 0)])[:, 0]
    whole, pixels, places, words = above.subplots(1, 4)
    whole.imshow(why.picture, interpolation="nearest")
    whole.set(title="the picture, as it is read", xticks=[], yticks=[])
    for axes, values, title in ((pixels, why.pixels, "what each pixel did"),
                                (places, why.painted, "lost where painted over")):
        most = np.abs(values).max() or 1
        _tint(axes, why.picture, values / most)
        axes.set_title(title)
        bar = above.colorbar(ScalarMappable(Normalize(-most, most), AGAINST_FOR),
                             ax=axes, shrink=0.8)
        bar.set_label(why.name, parse_math=False)
    at = np.arange(len(why.words))
    words.barh(at, why.erased, color=[BLUE if lost > 0 else ORANGE
                                      for lost in why.erased])
    words.plot(why.slopes, at, "kD", markersize=4, label="to first order")
    words.axvline(0, color="black", linewidth=0.8)
    words.set_yticks(at, why.words, parse_math=False)
    words.invert_yaxis()
    words.set_title("lost without the word")
    words.set_xlabel(why.name, parse_math=False)
    above.legend(loc="outside lower right")
    for figure_of_heads in below:
        _heads(figure_of_heads, why.picture, why.heads)
    save(figure, path)


def _heads(figure, picture, heads):
    """Where each head looks, a panel each."""
    rows, columns, cells = heads.shares.shape
    scale = PowerNorm(0.5, vmin=0, vmax=heads.shares.max())
    panels, side = figure.subplots(rows, columns, squeeze=False), round(cells ** 0.5)
    for place, axes in np.ndenumerate(panels):
        share = scale(heads.shares[place].reshape(side, side))
        _tint(axes, picture, share, heads.extent)
    for k, axes in enumerate(panels[:, 0], start=1):
        axes.set_ylabel(f"{heads.row} {k}")
    for axes, name in zip(panels[0], heads.columns):
        axes.set_title(name, fontsize=10, parse_math=False)
    light = LinearSegmentedColormap.from_list("light", ["white", BLUE])
    ticks = [tick for tick in TICKS if tick <= heads.shares.max()]
    bar = figure.colorbar(ScalarMappable(scale, light), ax=panels, ticks=ticks,
                          format=PercentFormatter(1, symbol=" %"))
    bar.set_label("share of the attention")


def _tint(axes, picture, values, extent=None):
    """Colour a pale picture by values from -1, orange, to 1, blue."""
    height, width = picture.shape[:2]
    gray = 0.6 + 0.4 * picture.mean(axis=2) / 255
    axes.imshow(gray, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    color = np.empty((*values.shape, 4))
    color[..., :3] = np.where(values[..., None] > 0, to_rgb(BLUE), to_rgb(ORANGE))
    color[..., 3] = np.abs(values)
    axes.imshow(color, interpolation="nearest",
                extent=extent or (-0.5, width - 0.5, height - 0.5, -0.5))
    axes.set(xticks=[], yticks=[], xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def found(pictures, captions, title, path):
    """Pictures in rows of five, each with a line or two about it."""
    rows = -(-len(pictures) // 5)
    figure = Figure(figsize=(9, 2.15 * rows + 0.5), layout="constrained")
    figure.suptitle(title, fontsize=13, parse_math=False)
    for k, (picture, caption) in enumerate(zip(pictures, captions), start=1):
        axes = figure.add_subplot(rows, 5, k, xticks=[], yticks=[])
        axes.imshow(picture, interpolation="nearest")
        axes.set_title(caption, fontsize=9, parse_math=False)
    save(figure, path)


def words_over(picture, words, shares, path):
    """Where attention lies over a picture as each word is written.

    picture (h, w, 3)   words (t)   shares (t, side, side), each map's sum is 1
    """
    t, side = len(words), shares.shape[1]
    columns = min(t + 1, 6)
    rows = -(-(t + 1) // columns)
    figure = Figure(figsize=(1.5 * columns + 0.6, 1.75 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    extent = (-0.5, side - 0.5, side - 0.5, -0.5)
    for axes in panels.flat:
        axes.set_axis_off()
    panels.flat[0].imshow(picture, extent=extent)
    panels.flat[0].set_title("picture", fontsize=10)
    gray = picture.mean(axis=2)
    for axes, word, share in zip(panels.flat[1:], words, shares):
        axes.imshow(gray, cmap="gray", vmin=0, vmax=255, extent=extent)
        shown = axes.imshow(share, cmap="Blues", vmin=0, vmax=shares.max(), alpha=0.75)
        axes.set_title(word, fontsize=10)
    figure.colorbar(shown, ax=panels, label="share of attention", shrink=0.8)
    save(figure, path)


def _things(picture):
    """The plain areas of a drawn picture, (h, w) masks with their colours, but the
    largest, its ground; none of a photograph, which has more than 20 colours.
    """
    colors, which, count = np.unique(picture.reshape(-1, 3), axis=0,
                                     return_inverse=True, return_counts=True)
    return [] if len(colors) > 20 else [
        (which.reshape(picture.shape[:2]) == k, colors[k] / 255)
        for k in range(len(colors)) if k != count.argmax()]


def save(figure, path):
    """Draw a figure into a PNG file that also says, in words, what is drawn in it."""
    FigureCanvasAgg(figure)
    described = {"Description": json.dumps(structure(figure), ensure_ascii=False)}
    write_atomically(path, lambda file: figure.savefig(
        file, format="png", dpi=120, metadata=described))
