"""Every lesson runs as a plain script, in time, and cites only formulas there are."""

import ast
import io
import re
from pathlib import Path

import pytest

from numnet.__main__ import main
from numnet.study import classroom
from numnet.study.drawn import structure_of
from numnet.study.formulas import cited, read

ROOT = Path(__file__).parent.parent
LESSONS = sorted((ROOT / "lessons").glob("*.py"))

LEFT_TO_THE_READER = {              # why: which
    "Winograd's way computes (conv2d.1) to (conv2d.4), and its oracles say so": """
        winograd.3 winograd.5 winograd.6 winograd.7 winograd.8 winograd.9""",
}

each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.name)


def test_there_are_lessons():
    assert LESSONS


@pytest.fixture
def ran(beside, lesson):
    """The folder in which a lesson ran, and what came of it: see conftest.py."""
    return beside(lesson.name)


@each_lesson
def test_a_lesson_runs_without_a_warning_in_time_and_draws_its_figures(lesson, ran):
    """Its figures are those committed: the same files, axes, labels and curves."""
    folder, (printed, error, code) = ran
    assert code is not None, f"{lesson.name} took longer than a lesson may"
    assert code == 0, f"{lesson.name} failed:\n{error}"
    assert printed, f"{lesson.name} printed nothing"
    drawn = sorted((folder / "figures").glob("*"))
    committed = sorted((ROOT / "figures").glob(f"{lesson.name[:2]}_*"))
    assert [path.name for path in drawn] == [path.name for path in committed]
    for ours, theirs in zip(drawn, committed):
        assert structure_of(ours) == structure_of(theirs), ours.name


@each_lesson
def test_cell_by_cell_a_lesson_runs_the_statements_of_the_script(lesson, tmp_path,
                                                                 monkeypatch):
    """All of them, in their order: here they are collected, not run."""
    cells = []

    def collected(text, *rest):
        cells.append(text)
        return compile(text, *rest)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO(99 * "\n"))
    monkeypatch.setattr(classroom, "LESSONS", lesson.parent)
    monkeypatch.setattr(classroom, "compile", collected, raising=False)
    monkeypatch.setattr(classroom, "exec", lambda code, names: None, raising=False)
    assert main(["lesson", lesson.name[:2], "--step"]) == 0
    assert statements(*cells) == statements(lesson.read_text(encoding="utf-8"))


def statements(*texts):
    return [ast.unparse(node) for text in texts for node in ast.parse(text).body]


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


def test_every_figure_is_shown_in_one_lesson_or_in_the_readme():
    shown = {path.name: path.read_text(encoding="utf-8")
             for path in [*LESSONS, ROOT / "README.md"]}
    for figure in (ROOT / "figures").iterdir():
        by = [name for name, text in shown.items()
              if re.search(rf"!\[[^\]]+\]\(figures/{figure.name}\)", text)]
        of_a_lesson = figure.name[:2].isdigit()
        assert [name for name in by if name != "README.md"] == [
            name for name in shown if of_a_lesson and name[:3] == figure.name[:3]]
        assert by, f"{figure.name} is shown nowhere"


def test_every_formula_is_explained_in_a_lesson_or_left_to_the_reader_by_name():
    explained = set().union(*(cited(path.read_text(encoding="utf-8"))
                              for path in LESSONS))
    left = {tag for tags in LEFT_TO_THE_READER.values() for tag in tags.split()}
    assert {formula.tag for formula in read()} - explained == left
