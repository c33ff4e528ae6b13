"""Every lesson runs as a plain script, in time, and cites only formulas there are."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from numnet.study.formulas import cited, read

ROOT = Path(__file__).parent.parent
LESSONS = sorted((ROOT / "lessons").glob("*.py"))
SECONDS = 20

each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.name)


def test_there_are_lessons():
    assert LESSONS


@each_lesson
def test_a_lesson_runs_without_a_warning_and_in_time(lesson, tmp_path):
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8",
                                "OPENBLAS_NUM_THREADS": "1",     # however busy
                                "PYTHONPATH": os.pathsep.join(paths)}
    try:
        done = subprocess.run([sys.executable, "-W", "error", str(lesson)],
                              cwd=tmp_path, env=environment, timeout=SECONDS,
                              capture_output=True, encoding="utf-8")
    except subprocess.TimeoutExpired:
        pytest.fail(f"{lesson.name} took longer than {SECONDS} s")
    assert done.returncode == 0, f"{lesson.name} failed:\n{done.stderr}"
    assert done.stdout, f"{lesson.name} printed nothing"


@each_lesson
def test_a_lesson_cites_formulas_that_exist(lesson):
    tags = cited(lesson.read_text(encoding="utf-8"))
    unknown = tags - {formula.tag for formula in read()}
    assert not unknown, f"{lesson.name} cites {sorted(unknown)}"
    assert tags, f"{lesson.name} cites no formula"


@each_lesson
def test_a_lesson_is_short_asserts_its_claims_and_ends_with_something_to_try(lesson):
    text = lesson.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 220, f"{lesson.name} is too long"
    assert text.startswith("# %% [markdown]\n# # "), lesson.name
    assert any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(text))), \
        f"{lesson.name} asserts nothing"
    assert "to try" in text.rpartition("# %% [markdown]")[2], lesson.name
