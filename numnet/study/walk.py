"""Walk through an op, forward and backward, and look at each line as it has run.

    numnet step conv2d                 a small example of the op
    numnet step --model                a whole network: 2 pictures and 3 questions

At each tagged line: its formula, the line, and the arrays it made. The upstream
gradient dy is random; that of a loss is 1.
"""

import inspect
import linecache
import sys
import textwrap
from collections import Counter
from functools import lru_cache

import numpy as np

from numnet.module import Module, Parameter
from numnet.study.cases import CASES
from numnet.study.formulas import NETWORK, code, nearest, read
from numnet.study.network import one_example
from numnet.study.plain import plain
from numnet.study.stepper import tracing

KEYS = """\
Enter  the next line             p EXPR  evaluate, as p x.shape; p alone: the names
b      on to the backward        l       every turn of a loop; again: the first alone
c      on to the end             q       leave"""


class Leave(BaseException):
    """The reader has seen enough. No op catches it."""


def main(arguments):
    """Walk through the example of an op, or through a network. Returns 0."""
    walk = Walk(pausing=sys.stdin.isatty() and not arguments.all,
                every_turn=arguments.turns)
    try:
        if arguments.model or arguments.run:
            if arguments.op:
                raise ValueError("step: an op or --model, not both")
            network, inputs, model = one_example(arguments.run)
            walk.through(network, (), inputs, model)
        elif arguments.op is None:
            print("numnet step OP, where OP is one of:\n")
            names = dict.fromkeys(name.split(",")[0] for name in CASES)
            print(textwrap.fill("  ".join(names), 88))
            print("\nor numnet step --model, or numnet step --run RUN")
        else:
            op, args, options = CASES[_case(arguments.op)](np.random.default_rng(0))
            walk.through(op, args, options, op if isinstance(op, Module) else None)
    except Leave:
        pass
    return 0


def _case(name):
    """The case of this name, or the first of the op of this name."""
    same = [case for case in CASES if name in (case, case.split(",")[0])]
    if not same:
        raise ValueError(f"step: there is no example of {name!r}, the nearest is "
                         + nearest(name, [case.split(",")[0] for case in CASES]))
    if others := [f'"{case}"' for case in same if case != same[0]]:
        print(textwrap.fill("Other examples: " + ", ".join(others), 88))
    return same[0]


@lru_cache
def _formulas():
    return {formula.tag: formula for formula in read()}


class Walk:
    """Calls ops, shows what their tagged lines do, and waits for the reader's key."""

    def __init__(self, pausing, every_turn=False):
        self.pausing, self.every_turn = pausing, every_turn
        self.skipping = self.backward = False
        self.formulas = _formulas()
        self.layers = {}                             # id of a Parameter -> its layer
        self.turns, self.later, self.skipped = Counter(), Counter(), 0

    def through(self, op, args, options, model=None):
        """Call an op on an example, then its backward, and show what comes of it."""
        parameters = model.named_parameters() if model else {}
        self.layers = {id(p): name.rpartition(".")[0] for name, p in parameters.items()}
        names = list(inspect.signature(op).parameters)[:len(args)]
        wanted = [f"d{name}" for name, arg in zip(names, args) if arg.dtype.kind == "f"]
        given = names + [f"{name}={name if isinstance(value, np.ndarray) else value}"
                         for name, value in options.items()]
        called = getattr(op, "func", op)             # of a partial
        called = getattr(called, "__name__", type(called).__name__)
        if self.pausing:
            print(KEYS)
        print(f"\n=== forward: {called}({', '.join(given)})")
        for name, value in [*zip(names, args), *options.items()]:
            if isinstance(value, np.ndarray):
                print(described(name, value))
        y, backward = self.run(lambda: op(*args, **options))
        parts = y if isinstance(y, tuple) else (y,)
        upstream = [p.name for p in inspect.signature(backward).parameters.values()]
        print("\n=== the value")
        for name, part in zip(upstream, parts):      # y, whose gradient is dy
            print(described(name.removeprefix("d"), part))

        self.skipping, self.backward = False, True
        rng = np.random.default_rng(1)
        dys = [np.asarray(rng.normal(size=part.shape) if part.ndim else 1, part.dtype)
               for part in parts]
        result = f"{', '.join(wanted)} = " if wanted else ""
        print(f"\n=== backward: {result}backward({', '.join(upstream)})")
        for name, dy in zip(upstream, dys):
            print(described(name, dy))
        grads = self.run(lambda: backward(*(dy if dy.ndim else dy[()] for dy in dys)))
        print("\n=== the gradients")
        for name, grad in zip(wanted, grads if isinstance(grads, tuple) else (grads,)):
            print(described(name, grad))
        for name, p in parameters.items():
            print(described(f"{name}.grad", p.grad))

    def run(self, call):
        """Call something under the tracer."""
        with tracing(self.seen):
            result = call()
        self.say_passed()
        return result

    def seen(self, frame, statement, tags, arrays):
        """A tagged line has run: show it, unless it is to be passed over."""
        self.turns[frame, statement] += 1
        turn = self.turns[frame, statement]
        if self.skipping:
            self.skipped += 1
        elif turn > 1 and not self.every_turn:
            self.later[tags[0]] += 1
        else:
            self.say_passed()
            self.show(frame, statement, tags, turn)
            for name, array in arrays.items():
                print(described(name, array))
            while self.pausing and not self.answer(frame):
                pass

    def show(self, frame, statement, tags, turn):
        """The formulas of a line, where it stands, and the line."""
        print()
        for tag in tags:
            print(f"({tag})  {plain(self.formulas[tag].latex)}")
        numbers, layer = sorted(statement.numbers), self.layer_of(frame)
        file = self.formulas[tags[0]].file
        print(f"    {file.relative_to(NETWORK.parent).as_posix()}:{numbers[0]}"
              + (f", for {layer}" if layer else "")
              + (f", turn {turn} of the loop" if turn > 1 else ""))
        lines = "".join(linecache.getline(str(file), number) for number in numbers)
        for line in textwrap.dedent(lines).splitlines():
            print(" " * 8 + code(line))

    def answer(self, frame):
        """Ask for a key and do as it says. Returns whether the walk goes on."""
        try:
            key, _, expression = input("> ").strip().partition(" ")
        except (EOFError, KeyboardInterrupt):
            print()
            raise Leave from None
        if key == "q":
            raise Leave
        if key == "p" and not expression:
            print(", ".join(sorted(frame.f_locals)))
        elif key == "p":
            try:                                     # one scope: comprehensions see it
                print(eval(expression.strip(),
                           {**frame.f_globals, "np": np, **frame.f_locals}))
            except Exception as error:               # the reader's own
                print(f"{type(error).__name__}: {error}")
        elif key == "b" and self.backward:
            print("This is the backward.")
        elif key in ("", "b", "c", "l"):
            self.skipping, self.pausing = key == "b", key != "c"
            self.every_turn ^= key == "l"
            return True
        else:
            print(KEYS)
        return False

    def say_passed(self):
        """Say what was passed over since the last line that was shown."""
        for count in dict.fromkeys(self.later.values()):
            tags = ", ".join(f"({tag})" for tag, n in self.later.items() if n == count)
            print(f"\n    … {count} more turn{'s' * (count > 1)} of {tags} passed over")
        if self.skipped:
            print(f"\n    … {self.skipped} lines passed over")
        self.later.clear()
        self.skipped = 0

    def layer_of(self, frame):
        """The dotted name of the layer whose op runs in this frame, or ""."""
        while frame:
            args = frame.f_locals.get("args", ())
            for arg in args if isinstance(args, tuple) else ():
                if isinstance(arg, Parameter):
                    return self.layers.get(id(arg), "")
            frame = frame.f_back
        return ""


def described(name, array):
    """A line about an array, and its values where they are 16 or fewer."""
    if array is None:
        return f"    {name}  None"
    array = np.asarray(array)
    about = f"    {name}  {array.shape} {array.dtype}"
    if array.ndim == 0 or array.size == 0:
        return f"{about}   {array[()]:.6g}" if array.size else about
    about += (f"   min {array.min():.4g}  max {array.max():.4g}  "
              f"mean |{name}| {np.abs(array).mean():.4g}")
    if array.size > 16:
        return about
    values = np.array2string(array, precision=4, suppress_small=True, max_line_width=80)
    return f"{about}\n{textwrap.indent(values, ' ' * 8)}"
