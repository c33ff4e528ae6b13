"""Watch a network compute: what each tagged line assigned, as it ran.

    with watch("attention.2") as steps:
        z, backward = model(x)
    steps[0].arrays["p"]               # where each head looked, in the first call

The lines are found by their tags (numnet.study.formulas), forward and backward alike:
a formula's values can be shown without an op that keeps or returns them.
"""

import ast
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from numnet.study.formulas import NETWORK, read


@dataclass(frozen=True)
class Step:
    """A tagged line that ran once: its tag, and copies of the arrays it assigned.

    Of a line that writes into a part, as `h[:, step] = …` does, that part is the array,
    under the name of the whole, "h". What a line returns is named "return".
    """

    tag: str
    arrays: dict


@contextmanager
def watch(*tags, folder=NETWORK):
    """Record a Step each time a line with one of these tags runs; no tags: every one.

    `with watch("rnn.1") as steps:` gives a list that fills as lines end: one that calls
    others stands after them, one that raises is left out. The tracer that was there
    before is back after the block, however it is left. Raises ValueError for a tag that
    no file of the folder states.
    """
    steps = []

    def record(frame, statement, tags, arrays):
        steps.extend(Step(tag, arrays) for tag in tags)

    with tracing(record, *tags, folder=folder):
        yield steps


@contextmanager
def tracing(seen, *tags, folder=NETWORK):
    """Call seen(frame, statement, tags, arrays) each time such a line has run.

    As `watch`, but at once, with the frame the line ran in: what `seen` does holds the
    network up, and what it raises ends the block.
    """
    statements = _statements(folder)
    known = {tag for each in statements.values() for one in each for tag in one.tags}
    if strange := sorted(set(tags) - known):
        raise ValueError(f"watch: no line is tagged {', '.join(strange)}")
    watched = {}

    def on_call(frame, event, arg):
        code = frame.f_code
        if code not in watched:
            watched[code] = _lines(code, statements.get(code.co_filename, ()), tags)
        return _follow(watched[code], seen, on_call) if watched[code] else None

    before = sys.gettrace()
    sys.settrace(on_call)
    try:
        yield
    finally:
        sys.settrace(before)


def _follow(lines, seen, owner):
    """The tracer of one frame. A statement has ended when another one begins."""
    running = None

    def on_event(frame, event, arg):
        nonlocal running
        if sys.gettrace() is not owner:              # the block ended before the frame
            return None
        if event == "exception" and arg[0] is not StopIteration:
            running = None
        elif event in ("line", "return"):
            begins = lines.get(frame.f_lineno) if event == "line" else None
            if running and begins is not running:
                statement, wanted = running
                seen(frame, statement, wanted, statement.arrays(frame, arg))
            running = begins
        return on_event

    return on_event


def _lines(code, statements, tags):
    """The lines of a function that are watched: number -> (statement, wanted tags)."""
    own = {number for _, _, number in code.co_lines()}
    lines = {}
    for statement in statements:
        wanted = [tag for tag in statement.tags if not tags or tag in tags]
        if wanted and code.co_name[0] != "<":        # not the lines of a comprehension
            lines |= dict.fromkeys(own & statement.numbers, (statement, wanted))
    return lines


class _Statement:
    """A tagged statement: its line numbers, its tags, and what it assigns."""

    def __init__(self, node):
        self.numbers = set(range(node.lineno, node.end_lineno + 1))
        self.tags, self.returns = [], isinstance(node, ast.Return)
        targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            targets = [each.value for each in node.value.keywords if each.arg == "out"]
            targets = targets or node.value.args[:1]  # as of np.put_along_axis(dx, …)
        flat = [one for target in targets if target
                for one in getattr(target, "elts", [target])]
        self.targets = [(_whole(one), compile(ast.unparse(one), "<target>", "eval"))
                        for one in flat]

    def arrays(self, frame, returned):
        values = {"return": returned} if self.returns else {
            name: eval(part, frame.f_globals, frame.f_locals)
            for name, part in self.targets}
        return {name: array for name, value in values.items()
                if (array := _copy(value)) is not None}


def _whole(target):
    """The name of what is assigned to: "h" of `h[:, step].reshape(2, 3)`, "p.value"."""
    match target:
        case (ast.Subscript(value=whole)
              | ast.Call(func=ast.Attribute(value=whole, attr="reshape"))):
            return _whole(whole)
    return ast.unparse(target)


def _copy(value):
    """Numbers as an array of their own; None for anything else."""
    try:
        array = np.array(value)
    except ValueError:                               # a list of unequal lengths
        return None
    return array if array.dtype.kind in "biufc" else None


@lru_cache(maxsize=8)
def _statements(folder):
    """The tagged statements of each file: a dict from its name to a list."""
    files = {}
    for formula in read(folder):
        for number, _ in formula.lines:
            tagged = files.setdefault(str(formula.file), {})
            tagged.setdefault(number, []).append(formula.tag)
    return {name: _tagged(name, tagged) for name, tagged in files.items()}


def _tagged(name, tags):
    """The statements of a file that hold these lines (number -> tags)."""
    with open(name, encoding="utf-8") as file:
        nodes = [node for node in ast.walk(ast.parse(file.read()))
                 if isinstance(node, ast.stmt) and not hasattr(node, "body")]
    found = {}
    for number in tags:
        for node in nodes:
            if node.lineno <= number <= node.end_lineno:
                found.setdefault(node, _Statement(node)).tags += tags[number]
    return list(found.values())
