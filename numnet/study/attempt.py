"""Try a reader's op: call it and its backward, and keep what comes of it.

An Attempt is plain numbers and words, so that it can come from another process as JSON.
Whether the numbers are right is another matter (numnet.study.grading).
"""

import contextlib
import importlib.util
import inspect
import linecache
import re
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from numnet.study import exercises

LARGEST = 100_000                                    # entries of a result


class Complaint(Exception):
    """What is wrong with the reader's file, in a sentence, and what it had printed."""

    def __init__(self, sentence, printed=""):
        super().__init__(sentence, printed)
        self.sentence, self.printed = sentence, printed

    def __str__(self):
        return self.sentence


@dataclass
class Attempt:
    """What came of one trial; results are packed, of a first call and a second."""

    error: str = ""              # why there are no results
    values: list = field(default_factory=list)
    results: list = field(default_factory=list)
    again: list = field(default_factory=list)
    written: str = ""            # which input is changed, and where


def load(path, name):
    """The op that a file defines under this name. Raises Complaint if there is none."""
    path = Path(path)
    spec = importlib.util.spec_from_file_location(f"practice_{name}", path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        where = f", in {line(path, error.lineno)}" if error.lineno else ""
        raise Complaint(f"{path.name} is not Python: {error.msg}{where}") from None
    except (Exception, SystemExit) as error:
        raise Complaint(f"{path.name} {_told(error, path)}") from None
    op = getattr(module, name, None)
    if not inspect.isfunction(op):
        raise Complaint(f"{path.name} defines no function {name}: keep its name")
    return op


def attempt(op, trial, path):
    """Call an op of this file on a trial, and its backward, twice."""
    made = Attempt()
    args, upstream = trial.inputs(np.copy)
    try:
        _call(op, trial, args, upstream, made)
    except Complaint as complaint:
        made.error = str(complaint)
    except (Exception, SystemExit) as error:
        made.error = _told(error, path, trial)
    before = [*trial.args.items(), *trial.upstream.items()]
    changed = [name for (name, old), new in zip(before, args + upstream)
               if not np.array_equal(old, new, equal_nan=True)]
    if changed:
        made.written = " and ".join(changed) + " changed" + _writer(op, trial, path)
    return made


def _call(op, trial, args, upstream, made):
    wanted = exercises.results(trial.exercise)
    if hasattr(trial.exercise, "RESULTS"):
        made.results = _several(op(*args, **trial.options), wanted, op.__name__)
        made.again = _several(op(*args, **trial.options), wanted, op.__name__)
        return
    pair = op(*args, **trial.options)
    if not isinstance(pair, tuple) or len(pair) != 2 or not callable(pair[1]):
        raise Complaint(f"{op.__name__} must return its value and its backward, as it "
                        "did when you got it")
    y, backward = pair
    made.values = [_packed(part) for part in (y if isinstance(y, tuple) else (y,))]
    made.results = _several(backward(*upstream), wanted, "backward")
    with contextlib.suppress(Exception):             # another call must not disturb it
        op(*[arg / 2 for arg in args], **trial.options)
    made.again = _several(backward(*upstream), wanted, "backward")


def _several(given, wanted, name):
    """The results, packed. One result stands by itself, several are a tuple."""
    several = list(given) if isinstance(given, (tuple, list)) else [given]
    if len(several) != len(wanted):
        came = "nothing" if given is None else f"{len(several)}"
        raise Complaint(f"{name} must return {len(wanted)}, {', '.join(wanted)}, in "
                        f"this order, but it returns {came}")
    return [_packed(each) for each in several]


def _packed(value):
    """An array as what JSON can hold; None as None; of anything else, its kind."""
    if isinstance(value, np.generic):
        value = np.asarray(value)
    if value is None:
        return None
    if not isinstance(value, np.ndarray):
        return {"kind": type(value).__name__}
    if value.dtype.kind not in "fiub" or value.size > LARGEST or value.ndim > 8:
        return {"kind": f"an array of {value.dtype}, of shape {value.shape}"}
    return {"shape": list(value.shape), "dtype": value.dtype.name,
            "numbers": value.ravel().tolist()}


def unpacked(packed):
    """The array that was packed, or None where it was none."""
    if packed and "numbers" in packed:
        return np.array(packed["numbers"], packed["dtype"]).reshape(packed["shape"])
    return None


# ---- where in the file ---------------------------------------------------------------

def line(path, number):
    """A line of the file, without its comment: "line 7, `dx = dy @ w`"."""
    text = linecache.getline(str(path), number).partition("  #")[0]
    return f"line {number}, `{text.strip()}`"


def _where(error, path):
    """The last frame of the file that an error went through, and the line there."""
    frames = [each for each in traceback.walk_tb(error.__traceback__)
              if each[0].f_code.co_filename == str(path)]
    return (frames[-1][0], f" in {line(path, frames[-1][1])}") if frames else (None, "")


def _writer(op, trial, path):
    """Where an input is written to: found by a call on arrays that cannot be."""
    def frozen(array):
        array = array.copy()
        array.flags.writeable = False
        return array

    try:
        _call(op, trial, *trial.inputs(frozen), Attempt())
    except (Exception, SystemExit) as error:
        return _where(error, path)[1] if "read-only" in str(error) else ""
    return ""


def _told(error, path, trial=None):
    """What an error says, where it arose, and the shapes that met there."""
    frame, where = _where(error, path)
    if isinstance(error, NotImplementedError):
        return f"not written yet: NotImplementedError{where}"
    if isinstance(error, SystemExit):
        return f"ends the program{where}: a backward returns, it does not exit"
    told = f"{error}"
    if "core dimension" in told:                     # NumPy's words for it are long
        told = "these shapes do not fit together in @"
    told = f"raised {type(error).__name__}{where}: {told}".rstrip(": ")
    if isinstance(error, UnboundLocalError):
        told += ("; a name that a function assigns to is its own everywhere in it, so "
                 "give new names to what you compute")
    if trial and frame and isinstance(error, (ValueError, IndexError)):
        for name in dict.fromkeys(re.findall(r"[^\W\d]\w*", where)):
            value = frame.f_locals.get(name)
            if isinstance(value, np.ndarray):
                axes = ", ".join(trial.axes(value.shape))
                told += f"; {name} ({axes}) is {value.shape}"
    return told
