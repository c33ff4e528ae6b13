"""Practice as a command, and what a reader's file may do to the process it runs in."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from elsewhere import environment

from numnet.__main__ import main
from numnet.study import apart, attempt, exercises, grading, practice
from study.test_practice import EVERY, patched

each = pytest.mark.parametrize("name", EVERY)


# ---- in a process of its own ---------------------------------------------------------

def ran(tmp_path, text, seconds=5, solved=True):
    """What comes of linear with this text in place of its first line."""
    path = tmp_path / "linear.py"
    whole = exercises.text(EVERY["linear"], solved=True)
    first, = re.findall(r"    y = .*\n", whole)
    path.write_text(whole.replace(first, f"{text}\n{first}"), encoding="utf-8")
    tried, printed = apart.attempts(EVERY["linear"], path, seconds)
    verdicts = grading.grade(EVERY["linear"], tried)
    assert practice.solved(verdicts) == solved
    return verdicts, printed


def complained(tmp_path, text, seconds=5):
    """The sentence that refuses a file, and what it had printed."""
    with pytest.raises(attempt.Complaint) as caught:
        ran(tmp_path, text, seconds)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence, caught.value.printed


def refused(tmp_path, text, seconds=5):
    return complained(tmp_path, text, seconds)[0]


def test_what_a_file_prints_is_kept_apart(tmp_path):
    _, printed = ran(tmp_path, "    print('x is', x.shape, '\\u03a3')")
    assert printed.splitlines()[0] == "x is (5, 3) \u03a3"


def test_a_file_that_prints_for_ever_is_stopped_and_its_output_cut(tmp_path):
    sentence, printed = complained(
        tmp_path, "    while True:\n        print('again' * 9)", 0.5)
    assert re.match(r"linear.py was stopped after 0.5 seconds in line \d+, `print",
                    sentence)
    lines = printed.splitlines()
    assert lines[0] == "again" * 9 and len(lines) <= 100


def test_a_loop_without_end_is_stopped_at_its_line(tmp_path):
    sentence, printed = complained(
        tmp_path, "    print('before')\n    while x.size:\n        pass", 0.5)
    assert re.search(r"seconds in line \d+, `(while x.size:|pass)`: does a loop never",
                     sentence)
    assert printed.splitlines() == ["before"]


def test_what_a_stopped_file_had_printed_is_shown(tmp_path, monkeypatch):
    def stopped(exercise, path):
        raise attempt.Complaint("linear.py was stopped", "x is 3\ny is 4\n")

    monkeypatch.setattr(apart, "attempts", stopped)
    verdicts, report = practice.examine("linear", tmp_path)
    assert verdicts == [] and report.splitlines()[1:] == [
        "  it printed, over all its calls:", "    | x is 3", "    | y is 4",
        "  linear.py was stopped"]


def test_sys_exit_and_raised_errors_are_told_with_their_line(tmp_path):
    verdicts, _ = ran(tmp_path, "    import sys; sys.exit(3)", solved=False)
    assert re.match(r"ends the program in line \d+, `import sys; sys.exit\(3\)`: a ",
                    verdicts[0].words)
    verdicts, _ = ran(tmp_path, "    x = y", solved=False)
    assert "raised UnboundLocalError in line" in verdicts[0].words
    assert "give new names" in verdicts[0].words
    verdicts, _ = ran(tmp_path, "    input('?')", solved=False)
    assert "raised EOFError in line" in verdicts[0].words


def test_a_process_that_ends_by_force_or_crashes_is_told(tmp_path):
    assert refused(tmp_path, "    import os; os._exit(7)") == (
        "linear.py ends Python by force (exit code 7): does it exit, or replace what "
        "Python needs?")
    sentence, printed = complained(
        tmp_path,
        "    print('before')\n    import faulthandler; faulthandler._sigsegv()")
    assert re.fullmatch(
        r"linear.py makes Python itself crash in line \d+, `import faulthandler; "
        r"faulthandler._sigsegv\(\)`", sentence)
    assert printed.splitlines() == ["before"]


def test_what_a_file_without_an_op_had_printed_is_kept(tmp_path):
    path = tmp_path / "linear.py"
    path.write_text("print('before')\nlinear = 3", encoding="utf-8")
    with pytest.raises(attempt.Complaint, match="defines no function") as caught:
        apart.attempts(EVERY["linear"], path)
    assert caught.value.printed.splitlines() == ["before"]


def test_a_file_that_removes_itself_is_put_back(tmp_path):
    text = "    import os; os.remove(__file__) if os.path.exists(__file__) else 0"
    assert "removed itself while it ran; it is back" in refused(tmp_path, text)
    assert text in (tmp_path / "linear.py").read_text(encoding="utf-8")


def test_names_that_are_redefined_do_not_reach_the_grader(tmp_path):
    ran(tmp_path, """    import json, numnet, os
    np.abs = np.allclose = numnet.linear = json.dumps = os._exit = sum = None""")
    sentence = refused(tmp_path, "    raise KeyboardInterrupt('enough')")
    assert "by force" in sentence and sentence.endswith("KeyboardInterrupt: enough")


def test_what_it_leaves_behind_stays_in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran(tmp_path, "    open('left', 'w').close(); import threading, time\n"
                  "    threading.Thread(target=time.sleep, args=(99,)).start()")
    assert [path.name for path in tmp_path.iterdir()] == ["linear.py"]


# ---- the commands --------------------------------------------------------------------

@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Run a command in an empty folder: its exit code, and what it prints."""
    def run(*arguments):
        code = main(["practice", *arguments])
        out, error = capsys.readouterr()
        return code, error or out
    monkeypatch.chdir(tmp_path)
    return run


def solve(name):
    Path("practice", f"{name}.py").write_text(
        exercises.text(EVERY[name], solved=True), encoding="utf-8")


def test_from_start_to_solution(command):
    assert command("start", "linear")[0] == 0
    code, text = command("check")
    assert code == 1 and "dx, dw, db  not written yet" in text and "0 of 3" in text
    assert command("solution")[0] == 2
    solve("linear")
    code, text = command("check", "linear")
    assert code == 0 and "all 3 right" in text and "practice start relu" in text
    code, text = command("solution")
    assert code == 0 and text.startswith("rows = dy.reshape(-1, dy.shape[-1])\n")
    assert re.search(r"\(linear\.2\)  numnet/linear\.py:\d+   dx = \(dy @ w\.T\)", text)
    assert re.search(r"     4  linear           solved ", command("list")[1])


def test_a_file_is_never_overwritten_unless_asked(command):
    command("start", "relu")
    solve("relu")
    code, text = command("start", "relu")
    assert code == 2 and text.count("\n") == 1 and "is there already" in text
    assert command("check")[0] == 0
    assert command("start", "relu", "--again")[0] == 0
    assert command("check")[0] == 1


def test_hints_advance_and_are_for_what_is_not_right_yet(command):
    command("start", "linear")
    Path("practice/linear.py").write_text(
        patched("linear", "return dx, dw, db", "return dx, None, db"), encoding="utf-8")
    assert "linear, dx, hint 1 of 3" in command("hint")[1]
    assert "dx, db  right" in command("check")[1]
    first, second, third, fourth = [command("hint")[1] for _ in range(4)]
    assert "linear, dw, hint 1 of 3" in first and "dw is (i, o), as w is" in first
    assert "dy has n, dw has not: sum over it" in first
    assert f"(linear.3)  {exercises.formula('linear.3')}" in second
    assert "the rows of x, transposed" in third and third == fourth
    assert "2 of 3 right" in command("list")[1]


@each
def test_hints_and_solutions_are_there_for_all(name, command):
    command("start", name)
    for result in exercises.results(EVERY[name]):
        shapes, formula, words = [command("hint")[1] for _ in range(3)]
        assert f"{name}, {result}, hint 1 of 3" in shapes and "At hand are" in shapes
        assert len(formula) > 30 and "--reveal" in words
        kept = json.loads(Path("practice/.progress.json").read_text("utf-8"))
        kept["right"].setdefault(name, []).append(result)
        Path("practice/.progress.json").write_text(json.dumps(kept), "utf-8")
    assert "no hint is left" in command("hint")[1]
    code, text = command("solution", name, "--reveal")
    assert code == 0 and re.search(r"\(\w+\.\d+\)  numnet/\w+\.py:\d+   \S", text)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"last": 3}', "\udcff"])
def test_a_damaged_progress_is_one_line_and_costs_nothing_else(text, command):
    command("start", "relu")
    solve("relu")
    path = Path("practice/.progress.json")
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    before = Path("practice/relu.py").read_bytes()
    code, told = command("list")
    assert code == 0 and told.count("\n") == 1 and "is damaged" in told
    command("check", "relu")
    assert json.loads(path.read_text("utf-8"))["solved"] == ["relu"]
    assert Path("practice/relu.py").read_bytes() == before


@pytest.mark.parametrize("arguments, words", [
    (["check"], "there is no practice"),
    (["hint", "linear"], "numnet practice start linear writes it"),
    (["start", "lineer"], "no exercise 'lineer', the nearest is linear"),
    (["check", "--again"], "--again goes with start"),
    (["start", "--reveal"], "--reveal goes with solution"),
])
def test_what_cannot_be_is_one_line_and_exit_2(arguments, words, command):
    code, text = command(*arguments)
    assert code == 2 and text.count("\n") == 1 and words in text


def test_pytest_says_the_same_from_any_folder(command, tmp_path):
    command("start", "relu")
    command("start", "mse")
    solve("relu")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         str(tmp_path / "practice")], cwd=tmp_path.parent, text=True,
        capture_output=True, encoding="utf-8",
        env=environment(PYTHONIOENCODING="utf-8"))
    assert "1 failed, 1 passed" in done.stdout
    assert "dy  not written yet: NotImplementedError in line " in done.stdout


def test_a_small_code_page_is_enough(command, tmp_path):
    command("start", "mse")
    solve("mse")
    text = Path("practice/mse.py").read_text("utf-8")
    Path("practice/mse.py").write_text(text.replace(
        "    difference =", "    print('Σ')\n    difference ="), "utf-8")
    for arguments in (["check"], ["solution"], ["list"]):
        done = subprocess.run(
            [sys.executable, "-m", "numnet", "practice", *arguments], cwd=tmp_path,
            capture_output=True, env=environment(PYTHONIOENCODING="cp1252"))
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"\x1b" not in done.stdout and done.stdout.decode("cp1252")
