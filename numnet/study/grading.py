"""Grade an exercise: a verdict in words on each gradient by itself.

No line of the reader's takes part in the numbers that its results are compared with.
"""

import itertools
import re
from typing import NamedTuple

import numpy as np

from numnet.study import comparing, exercises
from numnet.study.attempt import unpacked
from numnet.study.trials import Trial, trials


class Verdict(NamedTuple):
    """On one result: its name, what kind of fault it has, in words, and where.

    `trial` is the first that shows the fault; `passed` names those that do not.
    """

    name: str
    kind: str                    # "right", or what is wrong: "scale", "transposed", …
    words: str
    trial: Trial
    passed: tuple = ()

    @property
    def right(self):
        return self.kind == "right"


def grade(exercise, attempts):
    """A Verdict on each result, then on whatever else is wrong.

    attempts are what numnet.study.attempt found out, one for each trial.
    """
    found = {}
    for trial, attempt in zip(trials(exercise), attempts, strict=True):
        for name, kind, words in _graded(exercise, trial, attempt):
            found.setdefault(name, []).append(Verdict(name, kind, words, trial))
    verdicts = []
    for several in found.values():
        first = next((each for each in several if not each.right), several[0])
        passed = tuple(each.trial.name for each in several if each.right)
        verdicts.append(first._replace(passed=passed))
    return verdicts


def on_the_way(exercise, verdicts):
    """What those results have in common that are wrong for no reason seen, in words.

    A gradient that the formulas of all of these are made of, and of none that is right.
    """
    made = {name: _made_of(exercise, tag) for name, (tag, _) in exercise.HINTS.items()}
    unexplained = [verdict.name for verdict in verdicts
                   if verdict.kind in ("differs", "positions") and made[verdict.name]]
    good = [made[verdict.name] for verdict in verdicts
            if verdict.right and verdict.name in made]
    common = set.intersection(*map(made.get, unexplained)) if unexplained else set()
    for name in sorted(common.difference(*good)):
        tags = [tag for tag in exercises.tags(exercise)
                if re.match(rf"{name}\b", exercises.formula(tag))]
        if tags and len(unexplained) > 1:
            return (f"{', '.join(unexplained)} are made of {name}: begin there, "
                    f"({') ('.join(tags)})")
    return ""


def _made_of(exercise, tag):
    """The gradients on the right side of a formula, but those that are given."""
    given = {f"d{name}" for name in exercises.outputs(exercise)}
    right_side = exercises.formula(tag).partition("=")[2]
    return set(re.findall(r"\bd[a-z]+\b", right_side)) - given


def _graded(exercise, trial, attempt):
    for k, name in enumerate(exercises.results(exercise)):
        yield name, *(("raised", attempt.error) if attempt.error else
                      _result(exercise, trial, k, attempt))
    if attempt.written:
        yield "inputs", "modified", f"{attempt.written}: make a new array instead"
    names, (values, _) = exercises.outputs(exercise), trial.right
    for name, packed, value in itertools.zip_longest(names, attempt.values, values):
        ours = unpacked(packed)
        if not attempt.error and (ours is None or not comparing.same(ours, value)):
            yield str(name), "forward", ("not what the forward gave when you got it: "
                                         "is it as it was?")


def _result(exercise, trial, k, attempt):
    """(kind, words) on result k."""
    names, (_, expected) = exercises.results(exercise), trial.right
    packed = attempt.results[k]
    if packed is None:
        return "missing", "not written yet: it is None"
    ours = unpacked(packed)
    if ours is None:
        return "no array", f"must be an array of numbers, is {packed['kind']}"
    with np.errstate(all="ignore"):                  # whatever the reader's numbers are
        kind, words = comparing.compared(
            names[k], ours, expected[k], trial,
            [[(*told, results[k]) for *told, results in parts]
             for parts in trial.parts],
            [(words, results[k]) for words, results in trial.mistakes])
        for name, wanted in zip(names, expected):
            if kind not in ("right", "dtype") and comparing.same(ours, wanted):
                return "order", (f"these are the numbers of {name}: are the two "
                                 f"exchanged? The order is {', '.join(names)}")
    if kind == "right" and attempt.again[k] != packed and not attempt.written:
        return "unstable", ("right the first time, but a second call gives other "
                            "numbers: it writes into something that the forward made")
    return kind, words
