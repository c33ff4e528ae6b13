"""Lessons: what is a cell, and what comes of running it."""

from pathlib import Path

import pytest

from numnet.study.lessons import parse, run, title

SCRIPT = '''"""Not in a cell yet, and so a cell of code."""
# %% [markdown]
# # A title
#
# Text, with `code`.
#   - indented

# %% a name
x = 2

# not Markdown
# %%

# %%
print(x)
with open("figures/a.png", "wb") as file:
    file.write(b"one")
'''


@pytest.fixture
def lesson(tmp_path):
    path = tmp_path / "07_some_name.py"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


def test_a_script_is_read_into_its_cells_with_their_lines(lesson):
    doc, text, code, last = parse(lesson)
    assert [cell.kind for cell in (doc, text, code, last)] == [
        "code", "markdown", "code", "code"]
    assert [cell.number for cell in (doc, text, code, last)] == [1, 2, 3, 4]
    assert text.text == "# A title\n\nText, with `code`.\n  - indented"
    assert code.text == "x = 2\n\n# not Markdown"
    lines = SCRIPT.splitlines()
    assert lines[code.line - 1] == "x = 2" and lines[last.line - 1] == "print(x)"


def test_a_lesson_is_called_by_its_first_heading_or_its_file(lesson):
    assert title(lesson) == "A title"
    lesson.write_text("x = 1\n", encoding="utf-8")
    assert title(lesson) == "07 some name"


def test_cells_share_names_and_give_what_they_print_and_draw(lesson, tmp_path):
    here = Path.cwd()
    *before, last = run(lesson, tmp_path / "work")
    assert last.output == "2\n" and last.figures == {"a.png": b"one"}
    assert not any(each.output or each.figures for each in before)
    assert Path.cwd() == here


def test_a_figure_belongs_to_each_cell_that_writes_or_changes_it(lesson, tmp_path):
    again = '\n# %%\nopen("figures/a.png").close()\n# %%\n' + SCRIPT.split(
        "# %%\n")[-1].replace("one", "two")
    lesson.write_text(SCRIPT + again.replace("with", "x = 3\nwith"), encoding="utf-8")
    figures = [each.figures for each in run(lesson, tmp_path)]
    assert figures[-3:] == [{"a.png": b"one"}, {}, {"a.png": b"two"}]


def test_an_error_names_the_lesson_the_cell_and_its_line(lesson, tmp_path):
    lesson.write_text(SCRIPT.replace("print(x)", "print(x / 0)"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"07_some_name.py, cell 4 \(line 15\): "
                                         r"ZeroDivisionError: division by zero"):
        run(lesson, tmp_path)
