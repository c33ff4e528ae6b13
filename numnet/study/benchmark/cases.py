"""The ops that are timed, in sizes as they occur."""

from dataclasses import dataclass
from functools import partial
from typing import Callable

from numnet.study.benchmark.sides import (attention_sides, avg_pool2d_sides,
                                          conv2d_sides, cross_entropy_sides,
                                          embedding_sides, layer_norm_sides,
                                          max_pool2d_sides, optimizer_sides,
                                          recurrent_sides)

CONVOLUTIONS = (                   # n, c, h, w, o, kernel, stride, padding
    (32, 3, 64, 64, 16, 3, 1, 1), (32, 16, 32, 32, 32, 3, 1, 1),
    (32, 32, 16, 16, 64, 3, 1, 1), (8, 64, 56, 56, 64, 3, 1, 1),
    (32, 3, 128, 128, 32, 3, 1, 0), (32, 32, 63, 63, 64, 3, 1, 0),
    (32, 64, 30, 30, 128, 3, 1, 0), (32, 16, 32, 32, 32, 3, 2, 1),
    (32, 64, 16, 16, 64, 1, 1, 0), (64, 1, 28, 28, 8, 5, 1, 0))
SEQUENCES = (                      # n, t, i, o
    (64, 9, 32, 64), (64, 50, 64, 128), (32, 128, 256, 256))
ATTENTIONS = (                     # n, t, width, heads
    (64, 9, 64, 4), (32, 64, 128, 8), (8, 256, 256, 8), (4, 512, 512, 8))
POOLINGS = (                       # n, c, h, w, kernel, stride
    (32, 16, 64, 64, 2, 2), (64, 32, 16, 16, 2, 2), (32, 64, 28, 28, 3, 2))
EMBEDDINGS = (                     # n, t, words, features
    (64, 9, 30, 16), (32, 128, 10_000, 128))
NORMS = (                          # n, t, features
    (64, 9, 64), (32, 128, 256))
SCORES = (                         # n, classes
    (77, 13), (4096, 1000))
WEIGHTS = (                        # number of weight matrices, rows, columns
    (13, 48, 50), (8, 256, 512))


@dataclass(frozen=True)
class Case:
    """One thing that is timed: sides(rng, dtype, torch) makes it, anew each time.

    group: what is judged together. products: multiplications with an addition each,
    of forward and backward, where nearly all of the work is products of matrices.
    note: what the name of the case has to say besides.
    """

    group: str
    sizes: tuple
    make: Callable
    products: int = 0
    note: str = ""

    @property
    def name(self):
        sizes = ", ".join(map(str, self.sizes))
        return self.group + (f" ({sizes})" if sizes else "") + self.note

    def sides(self, rng, dtype, torch=None):
        """A dict from name to Side: "numnet", and "PyTorch" if torch is given."""
        return self.make(rng, dtype, torch, *self.sizes)

    def small(self, rng, dtype, torch=None):
        """The same op on little: two examples, few channels or steps."""
        first, second, *rest = self.sizes
        return self.make(rng, dtype, torch, 2, min(second, 64), *rest)


def chosen(cases, text):
    """The cases whose name holds the text. Raises ValueError where none does."""
    found = [case for case in cases if text in case.name]
    if not found:
        raise ValueError(f"--only: {text!r} is in the name of no case; there are "
                         + "; ".join(case.name for case in cases))
    return found


def op_cases():
    """The cases of single ops."""
    return [*(conv2d_case(*sizes) for sizes in CONVOLUTIONS),
            *(recurrent_case("rnn", *sizes) for sizes in SEQUENCES),
            *(recurrent_case("lstm", *sizes) for sizes in SEQUENCES),
            *(attention_case(*sizes) for sizes in ATTENTIONS),
            *(Case("max_pool2d", sizes, max_pool2d_sides) for sizes in POOLINGS),
            Case("avg_pool2d", POOLINGS[0], avg_pool2d_sides),
            *(Case("embedding", sizes, embedding_sides) for sizes in EMBEDDINGS),
            *(Case("layer_norm", sizes, layer_norm_sides) for sizes in NORMS),
            *(Case("cross_entropy", sizes, cross_entropy_sides) for sizes in SCORES),
            *(Case(name, sizes, partial(optimizer_sides, name))
              for name in ("SGD", "Adam") for sizes in WEIGHTS)]


def conv2d_case(n, c, h, w, o, k, s, m):
    """A picture of up to 3 channels comes from the data: no gradient is taken of it."""
    p, q = (h + 2 * m - k) // s + 1, (w + 2 * m - k) // s + 1
    needs_dx = c > 3
    return Case("conv2d 3×3" if k == 3 and s == 1 and needs_dx else "conv2d",
                (n, c, h, w, o, k, s, m), partial(conv2d_sides, needs_dx),
                (3 if needs_dx else 2) * n * o * p * q * c * k * k,
                "" if needs_dx else " no dx")


def recurrent_case(kind, n, t, i, o):
    """kind: "rnn" or "lstm"."""
    gates = 4 if kind == "lstm" else 1
    return Case(kind, (n, t, i, o), partial(recurrent_sides, kind),
                3 * n * t * (i + o) * gates * o)


def attention_case(n, t, width, heads):
    return Case("attention", (n, t, width, heads), attention_sides,
                3 * (4 * n * t * width * width + 2 * n * t * t * width))
