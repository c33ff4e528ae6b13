"""The arrays that exercises are tried on, and the numbers that are right for them."""

import itertools
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from numnet.study.exercises import arguments, outputs, patched, solution
from numnet.study.spread import spread


@dataclass(frozen=True)
class Trial:
    """An example to call an op on: arrays by name, options, and a dy for each output.

    `letters` names the axes: the size of an axis -> its letter.
    """

    exercise: object
    name: str
    args: dict
    options: dict
    upstream: dict
    letters: dict

    def axes(self, shape):
        """The letters of a shape, as far as its sizes are known: ["n", "o"]."""
        return [str(self.letters.get(size, size)) for size in shape]

    def meaning(self, factor):
        """What a factor may be made of here: sizes, options, the gradient of a loss.

        "1/n", say; None for 2 and one half, which stand for themselves.
        """
        sizes = {}
        for size, letter in self.letters.items():
            sizes[letter] = sizes.get(letter, 1) * size
        numbers = sizes | {f"({a} {b})": sizes[a] * sizes[b]
                           for a, b in itertools.combinations(sizes, 2)}
        numbers |= {f"√{letter}": size ** 0.5 for letter, size in sizes.items()}
        given = self.options | self.upstream
        numbers |= {name: value for name, value in given.items()
                    if isinstance(value, float) and value}
        tops = (1, 2) if "dloss" in given else (1,)  # a square's slope has a 2
        for top, (words, number) in itertools.product(tops, numbers.items()):
            for text, value in ((f"{top}/{words}", top / number),
                                (f"{top} {words}".removeprefix("1 "), top * number)):
                if np.isclose(value, abs(factor), 1e-5) and value not in (0.5, 2):
                    return f"-{text}" if factor < 0 else text
        return None

    def inputs(self, change):
        """The arguments and the upstream gradients, each array changed: two lists."""
        return [[change(value) if isinstance(value, np.ndarray) else value
                 for value in some.values()] for some in (self.args, self.upstream)]

    def call(self, op):
        """What an op gives here, a tuple, and its results, another."""
        if hasattr(self.exercise, "RESULTS"):
            return (), op(*self.args.values(), **self.options)
        y, backward = op(*self.args.values(), **self.options)
        grads = backward(*self.upstream.values())
        return [each if isinstance(each, tuple) else (each,) for each in (y, grads)]

    @cached_property
    def right(self):
        """The right values and results."""
        return self.call(self.exercise.reference)

    @cached_property
    def mistakes(self):
        """For each known mistake, what is wrong and the results it leads to."""
        return [(words, self.call(patched(self.exercise, before, after))[1])
                for before, after, words in self.exercise.MISTAKES]

    @cached_property
    def parts(self):
        """For each sum in the solution, its parts: (name, why, results of it alone)."""
        return [[(part.removeprefix("-"), why,
                  self.call(patched(self.exercise, whole, part))[1])
                 for part, why in parts.items()]
                for whole, parts in getattr(self.exercise, "PARTS", [])]

    @cached_property
    def at_hand(self):
        """The arrays that the writer of a backward has, by name."""
        values = dict(zip(outputs(self.exercise), self.right[0]))
        known = self.upstream | values | self.args | self.options
        return {name: value for name, value in known.items()
                if isinstance(value, np.ndarray)}


@lru_cache
def trials(exercise):
    """Each case in float64, then the first in float32 too; always the same numbers."""
    first = next(iter(exercise.CASES))
    named = [(name, np.float64) for name in exercise.CASES] + [(first, np.float32)]
    return [_trial(exercise, name, dtype, np.random.default_rng(seed))
            for seed, (name, dtype) in enumerate(named)]


def _trial(exercise, name, dtype, rng):
    options = dict(exercise.CASES[name])
    rounded = options.pop("rounded", False)
    sizes = {key: np.atleast_1d(options.pop(key)).tolist()
             for key in list(options) if len(key) == 1}
    letters = {}
    for letter, some in sizes.items():
        for size in some:
            letters.setdefault(size, letter)

    def drawn(axes):
        array = spread(rng, *[size for axis in axes.split() for size in sizes[axis]])
        return np.round(array) if rounded else array / 2     # so that tanh has a slope

    def cast(value):
        return value.astype(dtype) if value.dtype.kind == "f" else value

    args = {each: cast(drawn(exercise.SHAPES[each])) for each in arguments(exercise)}
    if hasattr(exercise, "extra"):
        extra = exercise.extra(rng, sizes)
        options |= {key: cast(value) for key, value in extra.items()}
    upstream = {}
    if not hasattr(exercise, "RESULTS"):
        y, _ = solution(exercise)(*args.values(), **options)
        for each, part in zip(outputs(exercise), y if isinstance(y, tuple) else (y,)):
            dy = rng.normal(size=part.shape) if part.ndim else rng.uniform(1.1, 1.9)
            upstream[f"d{each}"] = cast(dy) if part.ndim else dy
            axes = exercise.SHAPES[each].split()
            for letter, size in zip(axes[::-1], part.shape[::-1]):
                letters.setdefault(size, letter)
    in_float32 = ", in float32" * (dtype == np.float32)
    return Trial(exercise, name + in_float32, args, options, upstream, letters)


def by_complex_step(forward):
    """A forward as an op, whose backward finds every slope by the complex step.

    It moves one number at a time by i 1e-30, and uses no backward at all.
    """
    def op(*args, **options):
        y = forward(*args, **options)

        def slope(upstream, k, index):
            moved = [arg.astype(complex) for arg in args]
            moved[k][index] += 1e-30j
            parts = forward(*moved, **options)
            parts = parts if isinstance(parts, tuple) else (parts,)
            return sum((dy * y).sum().imag / 1e-30 for dy, y in zip(upstream, parts))

        def backward(*upstream):
            return tuple(np.array([slope(upstream, k, index)
                                   for index in np.ndindex(arg.shape)],
                                  arg.dtype).reshape(arg.shape)
                         for k, arg in enumerate(args))

        return y, backward

    return op
