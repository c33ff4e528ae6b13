"""Memory that an op needs beyond what it is given and what it gives back.

Twice: by tracemalloc, to which NumPy reports every array; and by the most memory that
the process ever had (peak RSS), which sees BLAS and PyTorch too. For the latter a side
runs in a forked process, which counts anew; what one needs that only ran the same op
on next to nothing is taken off.
"""

import os
import sys
import traceback
import tracemalloc

import numpy as np

from numnet.study.benchmark import machine
from numnet.study.benchmark.cases import attention_case, chosen, op_cases
from numnet.study.benchmark.timing import once

try:
    import resource
except ImportError:                                  # Windows
    resource = None

MB = 1e6
LONG = attention_case(1, 2048, 512, 8)    # a score of every query for every key: 134 MB
HEAD = (f"{'megabytes beyond inputs, outputs, gradients':46}{'numnet':>8}"
        f"{'its RSS':>10}{'PyTorch RSS':>13}{'at most':>10}")


def measure(setting, only, repeats, say):
    """A row for each op: megabytes of numnet, by both means, and of PyTorch."""
    torch = machine.torch_or_none(setting.threads)
    if resource is None:
        say("peak RSS is not measured: this system has no module `resource`")
    rows = []
    with_backward = [case for case in op_cases() if case.group not in ("SGD", "Adam")]
    for case in chosen([*with_backward, LONG], only):
        sides, tiny = (case.make(np.random.default_rng(0), np.float32, torch, *sizes)
                       for sizes in (case.sizes, [min(k, 8) for k in case.sizes]))
        peaks = {name: peak_rss(tiny[name], sides[name]) - peak_rss(tiny[name])
                 for name in ("numnet", "PyTorch") if resource and name in sides}
        extra, given = traced(sides["numnet"])
        rows.append({
            "case": case.name, "numnet_mb": extra / MB,
            **{f"{name.lower()}_rss_mb": (peaks[name] - given) / MB
               if name in peaks else None for name in ("numnet", "PyTorch")},
            "limit_mb": limit(case)})
        say(f"{case.name:44}" + "".join(
            " " * (width - 1) + "·" if each is None else f"{each:{width}.1f}"
            for each, width in zip(list(rows[-1].values())[1:], (10, 10, 13, 10))))
    return rows


def limit(case):
    """The most megabytes that a case should need, None where nothing was set.

    For a 3 × 3 convolution 1.5 of its input and output, and 4 MB; for attention over
    2,048 steps less than one score of every query for every key.
    """
    if case is LONG:
        n, t, _, heads = case.sizes
        return 4 * n * heads * t * t / MB
    if case.group.startswith("conv2d") and case.sizes[5] == 3:
        n, c, h, w, o, k, s, m = case.sizes
        p, q = ((size + 2 * m - k) // s + 1 for size in (h, w))
        return 1.5 * 4 * n * (c * h * w + o * p * q) / MB + 4
    return None


def conclude(rows):
    """Whether each limit is kept, by tracemalloc."""
    for row in rows:
        if row["limit_mb"] is not None:
            kept = row["numnet_mb"] <= row["limit_mb"]
            yield (f"{row['case']:44}{row['numnet_mb']:10.1f} MB   at most "
                   f"{row['limit_mb']:.1f} MB   {'kept' if kept else 'falls short'}")


def traced(side):
    """Bytes that a side needs, and bytes that it gives back, by tracemalloc."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        y, backward = side.run()
        forward = tracemalloc.get_traced_memory()[1] - before - bytes_of(y)
        gradients = backward() if backward else None
        highest = tracemalloc.get_traced_memory()[1] - before
        del backward
        left = tracemalloc.get_traced_memory()[0] - before
        given = sum(each.nbytes for each in side.read(y, gradients))
        return max(forward, highest - min(left, given)), given
    finally:
        tracemalloc.stop()


def bytes_of(y):
    """Bytes of what a forward pass gives: one array, several, or None."""
    return sum(each.nbytes for each in (y if isinstance(y, tuple) else [y])
               if each is not None)


def peak_rss(*sides):
    """The most bytes that a process ever had which computes all sides, in order."""
    process = os.fork()
    if process == 0:                                 # here nothing may return
        try:
            for side in sides:
                once(side)
            os._exit(0)
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(1)
    _, status, usage = os.wait4(process, 0)
    if status:
        raise RuntimeError("a process that was to be measured failed, see above")
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
