"""Practice: write the backward of an op, and be told in words what is wrong with it.

    numnet practice list              the exercises, in the order of the lessons
    numnet practice start linear      writes practice/linear.py, for you to fill in
    numnet practice check             grades each gradient of the one started last
    numnet practice hint              the shapes; then the formula; then the line
    numnet practice solution          once it is right, or with --reveal

`pytest practice` says the same of all that are started.
"""

import re
import textwrap
from pathlib import Path

from numnet.checkpoint import write_text
from numnet.study import apart, exercises, grading
from numnet.study.attempt import Complaint
from numnet.study.formulas import NETWORK, code, nearest, read
from numnet.study.progress import Progress

FOLDER = Path("practice")
PRINTED = 12                                         # lines shown of what a file prints
TEST = '''\
"""pytest practice: what `numnet practice check` says of each exercise here."""

from pathlib import Path

import pytest

from numnet.study import practice, progress

FOLDER = Path(__file__).parent


@pytest.mark.parametrize("name", progress.started(FOLDER))
def test_exercise(name):
    verdicts, report = practice.examine(name, FOLDER)
    if not practice.solved(verdicts):
        pytest.fail(report, pytrace=False)
'''


def main(arguments):
    """Run one of the commands above. Returns its exit code, 1 for what is not right."""
    action, progress = arguments.action, Progress(FOLDER)
    for option, owner in (("again", "start"), ("reveal", "solution")):
        if getattr(arguments, option) and action != owner:
            raise ValueError(f"practice: --{option} goes with {owner}")
    if action == "list":
        return show(progress)
    if action == "start":
        name = _known(arguments.name or progress.next() or exercises.ORDER[0])
        return start(progress, name, arguments.again)
    name = _known(arguments.name or progress.last or exercises.ORDER[0])
    if not progress.file(name).exists():
        raise ValueError(f"practice: there is no {progress.file(name)} yet; "
                         f"numnet practice start {name} writes it")
    if action == "solution":
        return solution(progress, name, arguments.reveal)
    return {"check": check, "hint": hint}[action](progress, name)


def _known(name):
    if name not in exercises.ORDER:
        raise ValueError(f"practice: there is no exercise {name!r}, the nearest is "
                         + nearest(name, exercises.ORDER))
    return name


def show(progress):
    """Print the exercises, and how far each has come."""
    print(f"lesson  {'exercise':16}")
    for name in exercises.ORDER:
        exercise = exercises.load(name)
        print(f"{exercise.LESSON:6}  {name:16} {progress.state(name):13} "
              f"{exercises.title(exercise)}")
    if following := progress.next():
        print(f"\nnumnet practice start {following}")
    return 0


def start(progress, name, again=False):
    """Write the reader's file: never over one that is there, unless asked to."""
    file, exercise = progress.file(name), exercises.load(name)
    if file.exists() and not again:
        raise ValueError(f"practice: {file} is there already; with --again it is "
                         "written anew, without what you wrote")
    progress.folder.mkdir(exist_ok=True)
    if not (test := progress.folder / "test_practice.py").exists():
        write_text(test, TEST)
    write_text(file, exercises.text(exercise))
    progress.start(name)
    print(f"{file}\n  {exercises.task(exercise)}\n  Then: numnet practice check")
    return 0


def check(progress, name):
    """Grade an exercise, print what is found and remember it."""
    verdicts, report = examine(name, progress.folder)
    done = solved(verdicts)
    progress.check(name, [verdict.name for verdict in verdicts if verdict.right], done)
    print(f"{report}\n")
    if not done:
        print(f"numnet practice hint {name}")
        return 1
    print(f"numnet practice solution {name}   shows how the package does it")
    if following := progress.next():
        print(f"numnet practice start {following}")
    return 0


def solved(verdicts):
    return bool(verdicts) and all(verdict.right for verdict in verdicts)


def examine(name, folder):
    """The verdicts on an exercise, none where it does not run, and the report."""
    exercise, file = exercises.load(name), Path(folder, f"{name}.py")
    try:
        attempts, printed = apart.attempts(exercise, file)
    except Complaint as complaint:
        told = _wrapped(str(complaint), "  ")
        return [], "\n".join([str(file), *_said(complaint.printed), told])
    verdicts = grading.grade(exercise, attempts)
    return verdicts, "\n".join([str(file), *_said(printed), *_told(exercise, verdicts)])


def _said(printed):
    lines = printed.splitlines()
    if lines:
        yield "  it printed, over all its calls:"
        yield from (f"    | {line}" for line in lines[:PRINTED])
        if len(lines) > PRINTED:
            yield "    | …"


def _told(exercise, verdicts):
    """The report: a line for each verdict, those alike together."""
    alike, wrong = {}, [verdict for verdict in verdicts if not verdict.right]
    for verdict in verdicts:
        text = verdict.words
        if verdict.passed and not verdict.right:
            text += (f'. That is with "{verdict.trial.name}"; with '
                     f'"{verdict.passed[0]}" it is right')
        alike.setdefault(text, []).append(verdict.name)
    names = [", ".join(several) for several in alike.values()]
    width = max(len(each) for each in names) + 2
    for each, text in zip(names, alike):
        yield _wrapped(text, f"  {each:{width}}")
    if common := grading.on_the_way(exercise, verdicts):
        yield _wrapped(common, "  ")
    if wrong:
        trial = wrong[0].trial
        sizes = [f"{name} {_size(value)}" for name, value in
                 (trial.args | trial.options | trial.upstream).items()]
        yield _wrapped(f'"{trial.name}" has ' + ", ".join(sizes), "  ")
    count = len(verdicts) - len(wrong)
    yield f"  {count} of {len(verdicts)} right" if wrong else f"  all {count} right"


def _size(value):
    if isinstance(value, float):
        return f"{value:.4g}"
    return getattr(value, "shape", value)


def _wrapped(text, start):
    """Lines of text, indented as the first; what stands in backticks is not broken."""
    whole = re.sub("`[^`]*`", lambda code: code[0].replace(" ", "\0"), text)
    return textwrap.fill(
        whole, 88, initial_indent=start, subsequent_indent=" " * len(start),
        break_long_words=False, break_on_hyphens=False).replace("\0", " ")


def hint(progress, name):
    """Print the next hint for the first result that is not right yet."""
    exercise = exercises.load(name)
    left = [each for each in exercises.results(exercise)
            if each not in progress.right.get(name, ())]
    if not left:
        print(f"{name}: all is right, no hint is left to give")
        return 0
    wanted, (tag, words) = left[0], exercise.HINTS[left[0]]
    level = progress.hint(name, wanted)
    print(f"{name}, {wanted}, hint {level} of 3:")
    if level == 1:
        print("\n".join(_wrapped(each, "  ") for each in _shapes(exercise, wanted)))
    elif level == 2:
        print(f"  ({tag})  {exercises.formula(tag)}")
    else:
        print(f"{_wrapped(words, '  ')}\n\nnumnet practice solution {name} --reveal")
    return 0


def _shapes(exercise, wanted):
    """Which axes a result has, what is at hand, and which axes must be summed over."""
    own, steps = exercises.shape(exercise, wanted), hasattr(exercise, "RESULTS")
    yield f"{wanted} is {own}, as {wanted if steps else wanted.removeprefix('d')} is."
    outputs = exercises.outputs(exercise)
    upstream = [] if steps else [f"d{name}" for name in outputs]
    yield "At hand are " + ", ".join(
        f"{name} {exercises.shape(exercise, name)}"
        for name in [*exercises.arguments(exercise), *outputs, *upstream]) + "."
    for name in outputs:
        lost = [axis for axis in exercise.SHAPES[name].split() if axis not in own]
        if lost:
            yield f"d{name} has {', '.join(lost)}, {wanted} has not: sum over it."


def solution(progress, name, reveal=False):
    """Print the solution's own lines, then where the package computes the same."""
    if name not in progress.solved and not reveal:
        raise ValueError(f"practice: {name} is not right yet; numnet practice hint "
                         "helps, and --reveal shows the solution all the same")
    exercise = exercises.load(name)
    lines, there = exercises.source(exercise)
    print(textwrap.dedent("\n".join(lines[there])))
    tags = exercises.tags(exercise)
    used = [each for each in read() if each.tag in tags]
    print("\nIn the package:")
    for formula in [each for each in used if each.kind == "backward"] or used:
        place = formula.file.relative_to(NETWORK.parent).as_posix()
        for number, text in formula.lines:
            print(f"  ({formula.tag})  {place}:{number}   {code(text)}")
    return 0
