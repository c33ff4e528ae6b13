"""Exercises: ops whose backward the reader is to write, one in each file.

A file holds its op in the clearest form, backward and all, under the file's own name;
`text` leaves the backward out. After the op stands what the grader needs:

    reference  an op that gives the right numbers: the package's, or a forward made of
               the package's ops, turned into an op `by_complex_step`
    LESSON     where it is derived
    SHAPES     the letters of the axes of each array: arguments, then outputs
    CASES      name -> the size of each letter (several for several axes), and options;
               rounded=True makes the numbers whole, so that there are zeros and ties
    extra      draws options: extra(rng, sizes), a dict
    HINTS      for each gradient, its formula's tag and its line in words
    PARTS      (a sum in the solution, the parts that it is made of: why each is there)
    MISTAKES   (a text in the solution, another instead, what is wrong then)
    RESULTS    the names of what the function returns, where it has no backward
"""

import ast
import importlib
import inspect
import re
import textwrap
from functools import lru_cache

import numpy as np

import numnet
from numnet.study.formulas import TAG, read
from numnet.study.plain import plain

ORDER = ("relu", "linear", "mse", "sgd", "softmax", "cross_entropy", "conv2d",
         "max_pool2d", "rnn_step", "rnn", "lstm_step", "attention", "layer_norm",
         "multi_head", "shared_weights", "cross_attention")

ABOUT = """\
{about}

{shapes}

{formulas}

{task}
None stands for one not yet written. Lesson {lesson} derives it: numnet lesson {lesson}

    numnet practice check {name}       what is right, and what is wrong
    numnet practice hint {name}        the shapes; then the formula; then the line
    numnet practice solution {name}    once it is right
"""


def load(name):
    """The exercise of this name: its module."""
    return importlib.import_module(f"{__name__}.{name}")


def name_of(exercise):
    return exercise.__name__.rpartition(".")[2]


def title(exercise):
    return exercise.__doc__.partition("\n")[0]


def solution(exercise):
    """The op with its backward."""
    return getattr(exercise, name_of(exercise))


def arguments(exercise):
    """The names of the arrays it takes, as opposed to its options."""
    return [p.name for p in inspect.signature(solution(exercise)).parameters.values()
            if p.kind is not p.KEYWORD_ONLY]


def outputs(exercise):
    """The names of what the op gives."""
    return [name for name in exercise.SHAPES if name not in arguments(exercise)]


def results(exercise):
    """The names of what is graded: a gradient for each argument, or RESULTS."""
    gradients = tuple(f"d{name}" for name in arguments(exercise))
    return getattr(exercise, "RESULTS", gradients)


def shape(exercise, name):
    """The letters of the axes of an array or a gradient, as "(n, o)"."""
    shapes = exercise.SHAPES
    letters = shapes[name if name in shapes else name.removeprefix("d")]
    return f"({', '.join(letters.split())})"


def task(exercise):
    """What is to be written, in a sentence."""
    wanted = ", ".join(results(exercise))
    if hasattr(exercise, "RESULTS"):
        return f"Write the step: it returns {wanted}, and changes no argument."
    upstream = " and ".join(f"d{name}" for name in outputs(exercise))
    return f"Write the backward: from {upstream} it returns {wanted}."


def source(exercise):
    """The op's lines, and where among them those stand that the reader is to write."""
    lines = inspect.getsource(solution(exercise)).splitlines()
    op, = ast.parse("\n".join(lines)).body
    inner = [node for node in op.body if getattr(node, "name", "") == "backward"]
    body = (inner or [op])[0].body
    return lines, slice(body[0].lineno - 1, body[-1].end_lineno)


def patched(exercise, before, after):
    """The op with one text in it replaced by another."""
    code = "\n".join(source(exercise)[0])
    if code.count(before) != 1:
        raise ValueError(f"{name_of(exercise)}: {before!r} is not once in the solution")
    names = {"np": np} | vars(exercise)
    exec(code.replace(before, after), names)
    return names[name_of(exercise)]


def tags(exercise):
    """The tags of the op's lines, those of one op together and in order."""
    found = re.findall(rf"\(({TAG})\)", "\n".join(source(exercise)[0]))
    ops = [tag.split(".")[0] for tag in found]
    return sorted(set(found), key=lambda tag: (ops.index(tag.split(".")[0]),
                                               int(tag.split(".")[1])))


def text(exercise, solved=False):
    """The reader's file: the op without its backward, or, solved, with it."""
    lines, there = source(exercise)
    if not solved:
        indent = re.match(" *", lines[there][0])[0]
        lines[there] = [f"{indent}raise NotImplementedError"]
    code = "\n".join(lines)
    used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    ops = ", ".join(sorted(used & set(numnet.__all__)))
    imports = "import numpy as np\n" + f"\nfrom numnet import {ops}\n" * bool(ops)
    return f'"""{_about(exercise)}"""\n\n{imports}\n\n{code}\n'


def _about(exercise):
    shapes = [f"{name} {shape(exercise, name)}" for name in exercise.SHAPES]
    if outputs(exercise):
        shapes.insert(len(arguments(exercise)), "→")
    shapes = "   ".join(each.replace(" ", "\0") for each in shapes)
    return ABOUT.format(
        about=exercise.__doc__.strip(), name=name_of(exercise), task=task(exercise),
        lesson=exercise.LESSON,
        shapes=textwrap.fill(shapes, 88).replace("\0", " "),
        formulas="\n".join(f"    ({tag})  {formula(tag)}" for tag in tags(exercise)))


@lru_cache
def _latex():
    return {each.tag: each.latex for each in read()}


def formula(tag):
    """The package's formula of this tag, in plain text."""
    return plain(_latex()[tag])
