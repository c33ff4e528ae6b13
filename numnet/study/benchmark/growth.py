"""How the time of an op grows with each of its sizes, as slopes on logarithmic axes.

A slope of 1: twice the size takes twice the time; 2: four times the time.
"""

import numpy as np
from matplotlib.figure import Figure

from numnet.study.benchmark import machine
from numnet.study.benchmark.cases import (Case, attention_case, conv2d_case,
                                          recurrent_case)
from numnet.study.benchmark.sides import (cross_entropy_sides, embedding_sides,
                                          layer_norm_sides, max_pool2d_sides)
from numnet.study.benchmark.timing import expect_same, turns
from numnet.study.plots import BLUE, ORANGE, save

HEAD = f"{'milliseconds, forward and backward':44}{'numnet':>10}{'PyTorch':>10}"
LARGEST = 3                        # how many of the largest sizes give the slope
FEW, SIDES, STEPS = (2, 4, 8, 16, 32, 64), (8, 16, 32, 64, 128), (8, 16, 32, 64, 128)
VOCABULARIES = (100, 1000, 10_000, 100_000)

GROWTH = {                         # what grows: its sizes, and the case of each
    "conv2d: batch": (FEW, lambda n: conv2d_case(n, 16, 32, 32, 32, 3, 1, 1)),
    "conv2d: side of the picture": (
        SIDES, lambda h: conv2d_case(8, 16, h, h, 32, 3, 1, 1)),
    "conv2d: channels": (
        (8, 16, 32, 64, 128), lambda c: conv2d_case(8, c, 28, 28, c, 3, 1, 1)),
    "max_pool2d: side of the picture": (
        SIDES, lambda h: Case("max_pool2d", (8, 32, h, h, 2, 2), max_pool2d_sides)),
    "rnn: steps": (STEPS, lambda t: recurrent_case("rnn", 32, t, 64, 128)),
    "rnn: features": (
        (32, 64, 128, 256, 512), lambda o: recurrent_case("rnn", 32, 32, o, o)),
    "lstm: steps": (STEPS, lambda t: recurrent_case("lstm", 32, t, 64, 128)),
    "attention: batch": (FEW, lambda n: attention_case(n, 64, 128, 8)),
    "attention: steps": (
        (64, 128, 256, 512, 1024), lambda t: attention_case(2, t, 128, 8)),
    "layer_norm: batch": (
        FEW, lambda n: Case("layer_norm", (n, 64, 256), layer_norm_sides)),
    "embedding: vocabulary": (
        VOCABULARIES, lambda v: Case("embedding", (64, 16, v, 64), embedding_sides)),
    "cross_entropy: vocabulary": (
        VOCABULARIES, lambda v: Case("cross_entropy", (64, v), cross_entropy_sides)),
}


def measure(setting, only, repeats, say):
    """A row for each size of each thing that grows: milliseconds of both."""
    torch = machine.torch_or_none(setting.threads)
    if not any(only in grows for grows in GROWTH):
        raise ValueError(f"--only: {only!r} is in none of " + "; ".join(GROWTH))
    for text in machine.describe(setting, torch, machine.peaks(torch, setting.clock)):
        say(text)
    rows = []
    for grows, (sizes, case_of) in GROWTH.items():
        for size in sizes if only in grows else ():
            case = case_of(size)
            sides = case.sides(np.random.default_rng(0), np.float32, torch)
            expect_same(case.name, sides, np.float32)
            sides.pop("PyTorch, channels last", None)
            seconds = turns(sides, repeats, setting.clock)
            row = {"grows": grows, "size": size} | {
                f"{name.lower()}_ms": 1e3 * both
                for name, (_, _, both) in seconds.items()}
            rows.append(row)
            say(f"{grows:34}{size:10,}" + "".join(
                f"{value:10.3f}" for value in list(row.values())[2:]))
    return rows


def slopes(rows):
    """What grows -> {side: slope of its line through the largest sizes}."""
    found = {}
    for grows in dict.fromkeys(row["grows"] for row in rows):
        last = [row for row in rows if row["grows"] == grows][-LARGEST:]
        size = np.log([row["size"] for row in last])
        found[grows] = {
            name: float(np.polyfit(size, np.log([row[f"{name}_ms"] for row in last]),
                                   1)[0])
            for name in ("numnet", "pytorch") if f"{name}_ms" in last[0]}
    return found


def conclude(rows):
    yield f"{f'slope, of the {LARGEST} largest sizes':44}{'numnet':>10}{'PyTorch':>10}"
    for grows, each in slopes(rows).items():
        yield f"{grows:44}" + "".join(f"{slope:10.2f}" for slope in each.values())


def figure(rows, path):
    """A panel for each thing that grows, both lines, their slopes."""
    found = slopes(rows)
    down = -(-len(found) // 3)
    drawn = Figure(figsize=(9, 0.6 + 2.2 * down), layout="constrained")
    panels = drawn.subplots(down, 3, squeeze=False)
    for axes, (grows, slope) in zip(panels.flat, found.items()):
        mine = [row for row in rows if row["grows"] == grows]
        for name, style, color in (("numnet", "o-", BLUE), ("pytorch", "s--", ORANGE)):
            if name in slope:
                axes.plot([row["size"] for row in mine],
                          [row[f"{name}_ms"] for row in mine], style, color=color,
                          markersize=4, label={"numnet": "numnet"}.get(name, "PyTorch"))
        axes.set(xscale="log", yscale="log")
        axes.set_title(grows, fontsize=10)
        sizes = [row["size"] for row in mine]
        axes.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=8)
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.tick_params(axis="y", labelsize=8)
        axes.text(0.04, 0.94, "slope " + ", ".join(
            f"{each:.2f}" for each in slope.values()), transform=axes.transAxes,
            va="top", fontsize=8)
        axes.grid(alpha=0.3)
    for axes in panels.flat[len(found):]:
        axes.set_visible(False)
    drawn.supylabel("milliseconds, forward and backward", fontsize=10)
    drawn.legend(*panels[0, 0].get_legend_handles_labels(),
                 loc="outside upper center", ncols=2, fontsize=9)
    save(drawn, path)
