"""The catalogue of bugs keeps up with the code; `python tests/mutations` runs it."""

import subprocess
import sys
from pathlib import Path

import pytest
from mutations.patches import Mutation, Stale

ROOT = Path(__file__).parent.parent
SOURCE = "def f(x):\n    return x + 1\n\n\ndef g(x):\n    return x + 1\n"


@pytest.mark.source
def test_every_bug_of_the_list_can_be_made_or_is_said_to_fall_away():
    done = subprocess.run([sys.executable, "tests/mutations", "--check"], cwd=ROOT,
                          capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "of the list's 122" in done.stdout


def test_a_bug_is_made_in_its_own_definition_alone():
    assert bug("x + 1", "x - 1").source(SOURCE) == (
        "def f(x):\n    return x + 1\n\n\ndef g(x):\n    return x - 1\n")


@pytest.mark.parametrize("old", ["x + 2", "x", "def f"])
def test_a_text_that_is_not_there_once_is_told(old):
    with pytest.raises(Stale, match="^swap: in g of some.py there must be one"):
        bug(old, "y").source(SOURCE)


def test_what_is_no_program_any_more_is_no_bug():
    with pytest.raises(SyntaxError):
        bug("x + 1", "x +").source(SOURCE)


def bug(old, new):
    return Mutation("swap", False, "some.py", "g", [(old, new)])
