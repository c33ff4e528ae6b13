"""Every op and both training steps beside PyTorch: the table, the figure, the targets.
"""

import numpy as np
from matplotlib.figure import Figure

from numnet.study.benchmark import cases, machine
from numnet.study.benchmark.steps import STEPS
from numnet.study.benchmark.timing import expect_same, turns
from numnet.study.plots import BLUE, GRAY, ORANGE, save

FIELDS = ("threads", "malloc", "isa", "group", "case",
          "numnet_forward_ms", "numnet_backward_ms", "numnet_ms",
          "pytorch_forward_ms", "pytorch_backward_ms", "pytorch_ms",
          "pytorch_channels_last_ms", "ratio_forward", "ratio_backward", "ratio",
          "ratio_channels_last", "share_of_peak")
TARGETS = (                        # group, isa, of its ratios, at most
    ("conv2d 3×3", "as set", "geometric mean", 1.3),
    ("conv2d 3×3", "as set", "largest", 1.7),
    ("conv2d 3×3", "AVX2", "geometric mean", 0.85),
    ("rnn", "as set", "largest", 0.8), ("lstm", "as set", "largest", 1.8),
    ("attention", "as set", "largest", 1.0), ("max_pool2d", "as set", "largest", 0.5),
    ("layer_norm", "as set", "largest", 2.0), ("embedding", "as set", "largest", 1.0),
    ("cross_entropy", "as set", "largest", 1.0),
    ("step of the easy-VQA recipe", "as set", "largest", 0.9),
    ("step of three convolutions, batch 64", "as set", "largest", 0.9))
HEAD = (f"{'forward and backward':42}{'numnet':>9}{'PyTorch':>9}   "
        f"{'ratio':>5} {'forw.':>6} {'backw.':>6} {'ch.last':>7} {'of peak':>8}")

JUDGED = 1, "default", "as set"                      # threads, malloc, isa
TICKS = (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10)


def measure(setting, only, repeats, say):
    """A row for each case, its numbers compared with PyTorch's before it is timed."""
    torch = machine.torch_or_none(setting.threads)
    peaks = machine.peaks(torch, setting.clock)
    for text in machine.describe(setting, torch, peaks):
        say(text)
    rows = []
    for case in cases.chosen([*cases.op_cases(), *STEPS], only):
        for dtype in np.float64, np.float32:
            sides = case.sides(np.random.default_rng(0), dtype, torch)
            expect_same(case.name, sides, dtype)
        seconds = turns(sides, repeats, setting.clock)
        rows.append(row_of(setting, case, seconds, peaks["gflops"]))
        say(line(rows[-1]))
    return rows


def row_of(setting, case, seconds, gflops):
    """A row of the table, from the seconds of each side; None where there is none."""
    ours, theirs = seconds["numnet"], seconds.get("PyTorch", (None,) * 3)
    last = seconds.get("PyTorch, channels last", (None,) * 3)[2]
    if not ours[1]:                                  # no backward pass, so no parts
        ours, theirs = (None, None, ours[2]), (None, None, theirs[2])

    def ratio(a, b):
        return a / b if a and b else None

    return dict(zip(FIELDS, (
        setting.threads, setting.malloc, setting.isa, case.group, case.name,
        *(each and 1e3 * each for each in (*ours, *theirs, last)),
        *map(ratio, ours, theirs), ratio(ours[2], last),
        2e-9 * case.products / ours[2] / gflops if case.products else None),
        strict=True))


def line(row):
    """A row as a line of the printed table; a dot where there is nothing to say."""
    def cell(name, width, form):
        return " " * (width - 1) + "·" if row[name] is None else form(row[name])

    def ratio(width):
        return lambda value: f"{value:{width}.2f}"

    return (f"{row['case']:42}{row['numnet_ms']:9.3f}"
            f"{cell('pytorch_ms', 9, lambda v: f'{v:9.3f}')}   "
            f"{cell('ratio', 5, ratio(5))} {cell('ratio_forward', 6, ratio(6))} "
            f"{cell('ratio_backward', 6, ratio(6))} "
            f"{cell('ratio_channels_last', 7, ratio(7))} "
            f"{cell('share_of_peak', 8, lambda v: f'{v:8.0%}')}")


def conclude(rows):
    """The ratios in Markdown, then what was to be reached and what was."""
    rows = [row for row in rows if row["ratio"]]
    if rows:
        yield from table(rows)
        yield ""
        yield from judged(rows)


def table(rows):
    """A line for each group, a column for each setting: geometric mean (largest)."""
    columns = [("ratio", setting) for setting in dict.fromkeys(map(setting_of, rows))]
    if any(row["ratio_channels_last"] for row in rows if setting_of(row) == JUDGED):
        columns.append(("ratio_channels_last", JUDGED))
    heads = ["numnet / PyTorch", *(label(*setting) + (
        ", PyTorch channels last" if ratio != "ratio" else "")
        for ratio, setting in columns)]
    yield "| " + " | ".join(heads) + " |"
    yield "|---" * len(heads) + "|"
    for group in dict.fromkeys(row["group"] for row in rows):
        mine = [row for row in rows if row["group"] == group]
        cells = []
        for ratio, setting in columns:
            found = [row[ratio] for row in mine
                     if setting_of(row) == setting and row[ratio]]
            cells.append(f"{mean(found):.2f}" if found else "")
            cells[-1] += f" ({max(found):.2f})" if len(found) > 1 else ""
        yield f"| {group} | " + " | ".join(cells) + " |"


def judged(rows):
    """Lines that say what was to be reached, and what was or falls short."""
    for group, isa, kind, most in TARGETS:
        ratios = [row["ratio"] for row in rows if row["group"] == group
                  and setting_of(row) == (*JUDGED[:2], isa)]
        if ratios:
            found = max(ratios) if kind == "largest" else mean(ratios)
            verdict = "reached" if found <= most else "falls short"
            name = group + (f", both {isa}" if isa != "as set" else "")
            which = f"{kind} of {len(ratios)}" if len(ratios) > 1 else "alone"
            yield (f"{name:42}{which:>20} {found:6.2f}   at most {most:.2f}   "
                   f"{verdict}")


def setting_of(row):
    return row["threads"], row["malloc"], row["isa"]


def mean(ratios):
    """The geometric mean: that of twice and of half the time is 1."""
    return float(np.exp(np.mean(np.log(ratios))))


def label(threads, malloc, isa):
    return (f"{threads} thread{'s' if threads > 1 else ''}"
            + (", memory kept" if malloc == "kept" else "")
            + (f", both {isa}" if isa != "as set" else ""))


def figure(rows, path):
    """The ratio of every case under every setting: left of 1, numnet is the faster."""
    rows = [row for row in rows if row["ratio"]]
    if not rows:
        raise ValueError("without PyTorch there are no ratios to draw")
    names = list(dict.fromkeys(row["case"] for row in rows))
    drawn = Figure(figsize=(8, 1.4 + 0.22 * len(names)), layout="constrained")
    axes = drawn.subplots()

    def dots(ratio, setting, **style):
        some = [row for row in rows if row[ratio] and setting_of(row) == setting]
        if some:
            axes.plot([row[ratio] for row in some],
                      [names.index(row["case"]) for row in some], linestyle="none",
                      **style)

    for setting in dict.fromkeys(map(setting_of, rows)):
        dots("ratio", setting, label=label(*setting), **look(*setting))
    dots("ratio_channels_last", JUDGED, label="1 thread, PyTorch channels last",
         marker="|", color="black", markersize=9)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_yticks(range(len(names)), names, fontsize=8, parse_math=False)
    axes.set(xscale="log", ylim=(len(names) - 0.4, -0.6), xlabel=(
        "time of numnet / time of PyTorch: left of the line numnet is faster"))
    low, high = axes.get_xlim()
    ticks = [t for t in TICKS if low <= t <= high]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.grid(alpha=0.3)
    drawn.legend(loc="outside upper center", ncols=3, fontsize=8)
    save(drawn, path)


def look(threads, malloc, isa):
    """How the dots of a setting look: form and colour both tell them apart."""
    held = isa != "as set"
    return {"marker": "^" if held else "o" if threads == 1 else "s",
            "color": GRAY if held else BLUE if threads == 1 else ORANGE,
            "markerfacecolor": "none" if malloc == "kept" else None,
            "markersize": 7 if (threads, malloc, isa) == JUDGED else 5}
