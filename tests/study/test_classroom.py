import io
import json

import pytest

from numnet.__main__ import main
from numnet.study import classroom

LESSON = '''# %% [markdown]
# # Adding
# One and one.

# %%
x = 1 + 1
print("x is", x)

# %%
print("twice", 2 * x)
'''


@pytest.fixture(autouse=True)
def one_lesson(tmp_path, monkeypatch):
    monkeypatch.setattr(classroom, "LESSONS", tmp_path / "lessons")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "03_adding.py").write_text(LESSON, encoding="utf-8")


def test_the_list_has_number_and_title_and_on_request_the_time(capsys):
    assert main(["lesson"]) == 0
    assert capsys.readouterr().out.split() == ["3", "Adding"]
    assert main(["lesson", "--time"]) == 0
    number, seconds, unit, title = capsys.readouterr().out.split()
    assert (number, unit, title) == ("3", "s", "Adding") and 0 <= float(seconds) < 5


def test_a_lesson_runs_and_prints_what_its_cells_print(capsys):
    assert main(["lesson", "3"]) == 0
    assert capsys.readouterr().out == "x is 2\ntwice 4\n"


@pytest.mark.parametrize("keys, printed, not_printed", [
    ("\n\n", ["One and one.", "x is 2", "twice 4"], []),
    ("\nq\n", ["x is 2", "print("], ["twice 4"]),
    ("", ["One and one.", "x = 1 + 1"], ["x is 2"]),
])
def test_cell_by_cell_a_cell_runs_at_enter(keys, printed, not_printed, monkeypatch,
                                           capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO(keys))
    assert main(["lesson", "3", "--step"]) == 0
    out = capsys.readouterr().out
    assert all(text in out for text in printed)
    assert not any(text in out for text in not_printed)


def test_a_notebook_has_the_cells_of_the_lesson(tmp_path):
    assert main(["lesson", "3", "--notebook", "adding.ipynb"]) == 0
    book = json.loads((tmp_path / "adding.ipynb").read_text(encoding="utf-8"))
    assert book["nbformat"] == 4
    assert [cell["cell_type"] for cell in book["cells"]] == ["markdown", "code", "code"]
    assert "".join(book["cells"][1]["source"]) == 'x = 1 + 1\nprint("x is", x)'
    assert len({cell["id"] for cell in book["cells"]}) == 3


@pytest.mark.parametrize("arguments, message", [
    (["7"], "there is no lesson 7; there are 3"),
    (["--step"], "--step and --notebook need a lesson's number"),
    (["--notebook", "x.ipynb"], "--step and --notebook need a lesson's number"),
])
def test_bad_input_is_one_line_and_exit_2(arguments, message, capsys):
    assert main(["lesson", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_without_the_source_tree_it_says_where_lessons_are(tmp_path, monkeypatch,
                                                           capsys):
    monkeypatch.setattr(classroom, "LESSONS", tmp_path / "nowhere")
    assert main(["lesson"]) == 2
    assert "come with numnet's source" in capsys.readouterr().err
