import itertools
import json
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from numnet.__main__ import main
from numnet.study import apart, attempt, exercises, grading, practice
from numnet.study.formulas import read
from numnet.study.plain import plain
from numnet.study.trials import by_complex_step, trials
from study.wrong_answers import WRONG

ROOT = Path(__file__).parent.parent.parent
EVERY = {name: exercises.load(name) for name in exercises.ORDER}
LATEX = {formula.tag: formula.latex for formula in read()}
each = pytest.mark.parametrize("name", EVERY)


def graded(tmp_path, name, text):
    """The verdicts on a file of this text, by name."""
    path = tmp_path / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    op = attempt.load(path, name)
    tried = [attempt.attempt(op, trial, path) for trial in trials(EVERY[name])]
    return {verdict.name: verdict for verdict in grading.grade(EVERY[name], tried)}


def patched(name, before, after):
    """The solved file with one text in it replaced."""
    text = exercises.text(EVERY[name], solved=True)
    assert text.count(before) == 1, f"{before!r} is not once in the solution"
    return text.replace(before, after)


# ---- the exercises -------------------------------------------------------------------

def test_every_file_is_in_the_order_which_is_that_of_the_lessons():
    files = {file.name for file in pkgutil.iter_modules(exercises.__path__)}
    assert files == set(exercises.ORDER) and 14 <= len(files) <= 16
    lessons = [exercise.LESSON for exercise in EVERY.values()]
    assert lessons == sorted(lessons)


@each
def test_the_lesson_speaks_of_the_op(name):
    path, = ROOT.glob(f"lessons/{EVERY[name].LESSON:02}_*.py")
    text = path.read_text(encoding="utf-8")
    assert any(f"({tag})" in text for tag in exercises.tags(EVERY[name]))


@each
def test_all_sizes_differ_and_are_above_one(name):
    tied = [{"o", "k"}] * (name in ("rnn", "rnn_step"))      # from state to state
    for trial in trials(EVERY[name]):
        sizes = {}
        arrays = trial.args | trial.upstream
        for each, letters in EVERY[name].SHAPES.items():
            shape = np.shape(arrays.get(each, arrays.get(f"d{each}", 0)))
            for letter, size in zip(letters.split()[::-1], shape[::-1]):
                assert sizes.setdefault(letter, size) == size > 1
        for a, b in itertools.combinations(sizes, 2):
            assert sizes[a] != sizes[b] or {a, b} in tied, (trial.name, a, b)


@pytest.mark.parametrize("name", [
    name for name in EVERY if not hasattr(EVERY[name], "RESULTS")])
def test_the_right_numbers_are_those_of_the_complex_step(name):
    exercise = EVERY[name]
    trial = trials(exercise)[0]
    forward = by_complex_step(lambda *args, **options: exercises.solution(exercise)(
        *args, **options)[0])
    for ours, slope in zip(trial.right[1], trial.call(forward)[1], strict=True):
        assert np.abs(ours - slope).max() <= 1e-12 * np.abs(slope).max()


@each
def test_the_untouched_file_fails(name, tmp_path):
    verdicts = graded(tmp_path, name, exercises.text(EVERY[name]))
    assert list(verdicts) == list(exercises.results(EVERY[name]))
    for verdict in verdicts.values():
        assert verdict.kind == "raised" and "not written yet" in verdict.words
        assert "`raise NotImplementedError`" in verdict.words


@each
def test_the_solution_passes(name, tmp_path):
    verdicts = graded(tmp_path, name, exercises.text(EVERY[name], solved=True))
    assert list(verdicts) == list(exercises.results(EVERY[name]))
    assert practice.solved(list(verdicts.values()))


@each
def test_the_file_states_the_packages_formulas_and_gives_no_line_away(name):
    exercise, text = EVERY[name], exercises.text(EVERY[name])
    for tag in exercises.tags(exercise):
        assert f"    ({tag})  {plain(LATEX[tag])}\n" in text
    lines, there = exercises.source(exercise)
    assert lines[there] and all(line not in text for line in lines[there])
    assert all(line in text for line in lines[:there.start] + lines[there.stop:])


@each
def test_every_result_has_a_hint_with_a_formula_of_the_op(name):
    assert set(EVERY[name].HINTS) == set(exercises.results(EVERY[name]))
    for tag, words in EVERY[name].HINTS.values():
        assert tag in exercises.tags(EVERY[name]) and words.endswith(".")


# ---- wrong answers -------------------------------------------------------------------

@pytest.mark.parametrize("name, before, after, result, words", [
    (name, *wrong) for name, several in WRONG.items() for wrong in several])
def test_a_wrong_answer_is_told_what_is_wrong(
        name, before, after, result, words, tmp_path):
    verdict = graded(tmp_path, name, patched(name, before, after))[result]
    assert not verdict.right
    assert words in verdict.words


def test_every_exercise_has_at_least_five_wrong_answers():
    assert set(WRONG) == set(EVERY)
    assert all(len(several) >= 5 for several in WRONG.values())


@pytest.mark.parametrize("name, mistake", [
    (name, mistake) for name in EVERY for mistake in EVERY[name].MISTAKES],
    ids=lambda value: value if isinstance(value, str) else None)
def test_a_known_mistake_is_called_by_its_name(name, mistake, tmp_path):
    before, after, words = mistake
    verdicts = graded(tmp_path, name, patched(name, before, after))
    assert words in [verdict.words for verdict in verdicts.values()]
    assert not practice.solved(list(verdicts.values()))


@pytest.mark.parametrize("name, before, after, result, kind", [
    ("linear", "return dx, dw, db", "return dx, None, db", "dw", "missing"),
    ("linear", "return dx, dw, db", "return dx, dw.tolist(), db", "dw", "no array"),
    ("linear", "dx = dy @ w.T", "dx = 0 * dy @ w.T", "dx", "zero"),
    ("linear", "dx = dy @ w.T", "dx = dy @ w.T / 0", "dx", "nan"),
    ("linear", "y = x @ w + b ", "y = x @ w - b ", "y", "forward"),
    ("linear", "rows.sum(axis=0)", "rows[::2].sum(axis=0)", "db", "differs"),
    ("rnn", "dx = da @ wx.T", "dx = da @ wx.T; dx[:, 0] = 0", "dx", "positions"),
    ("softmax", "dx = y * (dy - inner)", "dx = y * (dy - inner); dx[1, 2] = 7", "dx",
     "positions"),
    ("layer_norm", "dx = r *", "dx = r * r *", "dx", "factor"),
    ("sgd", "momentum * v + g", "momentum * v + g - dw / 3", "v", "term"),
    ("cross_attention", "dy + dq @ wq.T", "dq @ wq.T - 0.5 * dy", "dtext", "part"),
])
def test_every_kind_of_fault_is_seen(name, before, after, result, kind, tmp_path):
    with np.errstate(all="ignore"):
        verdict = graded(tmp_path, name, patched(name, before, after))[result]
    assert verdict.kind == kind


def test_places_are_named_by_their_letter(tmp_path):
    wrong = patched("rnn", "dx = da @ wx.T", "dx = da @ wx.T; dx[:, 0] = 0")
    assert graded(tmp_path, "rnn", wrong)["dx"].words.startswith(
        "right but where t is 0 (it runs to 3): at [")


def test_places_that_share_no_letter_are_counted(tmp_path):
    wrong = patched("linear", "dw = x", "dx = dx + np.eye(len(x))[:, :3]; dw = x")
    wrong = wrong.replace("dw = x", "dx[3:, 1] = 0; dw = x")
    assert graded(tmp_path, "linear", wrong)["dx"].words.startswith(
        "right but at 5 of 15 entries, [0, 0], [1, 1], [2, 2], [3, 1], …: at [")


def test_a_part_that_counts_too_often_is_named(tmp_path):
    verdicts = graded(tmp_path, "layer_norm", patched(
        "layer_norm", "du - a - u * c", "du - 0.5 * a + u * c"))
    assert verdicts["dx"].words == (
        "a counts 0.5 times, not once: x also moves the mean; "
        "u * c counts -1 times, not once: x also moves the variance")
    mean = patched("softmax", "(dy * y).sum(", "(dy * y).mean(")
    assert graded(tmp_path, "softmax", mean)["dx"].words.startswith(
        "inner counts 1/o times, not once: ")


def test_what_wrong_results_have_in_common_is_named(tmp_path):
    verdicts = graded(tmp_path, "attention", patched(
        "attention", "(dy * y).sum(", "(dp * s).sum(")).values()
    assert [verdict.kind for verdict in verdicts] == ["differs", "differs", "right"]
    assert grading.on_the_way(EVERY["attention"], verdicts) == (
        "dq, dk are made of ds: begin there, (attention.5)")


def test_the_op_must_stand_between_two_calls(tmp_path):
    """A backward that reads what the last forward left, whichever it was."""
    text = exercises.text(EVERY["linear"], solved=True)
    kept = text.replace("    y = x", "    global seen\n    seen = x\n    y = x")
    kept = kept.replace("dw = x.", "dw = seen.")
    assert graded(tmp_path, "linear", kept)["dw"].kind == "unstable"


def test_a_view_or_a_list_of_gradients_is_as_good(tmp_path):
    good = patched("linear", "return dx, dw, db", "return [dx.copy()[:], dw, db]")
    assert practice.solved(list(graded(tmp_path, "linear", good).values()))


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


def refused(tmp_path, text, seconds=5):
    with pytest.raises(attempt.Complaint) as caught:
        ran(tmp_path, text, seconds)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_what_a_file_prints_is_kept_apart(tmp_path):
    _, printed = ran(tmp_path, "    print('x is', x.shape, '\\u03a3')")
    assert printed.splitlines()[0] == "x is (5, 3) \u03a3"


def test_a_file_that_prints_for_ever_is_stopped_and_its_output_cut(tmp_path):
    sentence = refused(tmp_path, "    while True:\n        print('again' * 9)", 0.5)
    assert re.match(r"linear.py was stopped after 0.5 seconds in line \d+, `print",
                    sentence)


def test_a_loop_without_end_is_stopped_at_its_line(tmp_path):
    sentence = refused(tmp_path, "    while x.size:\n        pass", 0.5)
    assert re.search(r"seconds in line \d+, `(while x.size:|pass)`: does a loop never",
                     sentence)


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
    assert re.fullmatch(
        r"linear.py makes Python itself crash in line \d+, `import faulthandler; "
        r"faulthandler._sigsegv\(\)`",
        refused(tmp_path, "    import faulthandler; faulthandler._sigsegv()"))


def test_a_file_that_removes_itself_is_put_back(tmp_path):
    text = "    import os; os.remove(__file__) if os.path.exists(__file__) else 0"
    assert "removed itself while it ran; it is back" in refused(tmp_path, text)
    assert text in (tmp_path / "linear.py").read_text(encoding="utf-8")


def test_names_that_are_redefined_do_not_reach_the_grader(tmp_path):
    ran(tmp_path, """    import json, numnet, os
    np.abs = np.allclose = numnet.linear = json.dumps = os._exit = sum = None""")
    ran(tmp_path, "    import builtins; builtins.len = None", solved=False)
    sentence = refused(tmp_path, "    raise KeyboardInterrupt('enough')")
    assert "by force" in sentence and sentence.endswith("KeyboardInterrupt: enough")


def test_what_it_leaves_behind_stays_in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran(tmp_path, "    open('left', 'w').close(); import threading, time\n"
                  "    threading.Thread(target=time.sleep, args=(99,)).start()")
    assert [path.name for path in tmp_path.iterdir()] == ["linear.py"]


@pytest.mark.parametrize("text, words", [
    ("def linear(x, w, b)\n", "linear.py is not Python: expected ':', in line 1, "
     "`def linear(x, w, b)`"),
    ("", "defines no function linear: keep its name"),
    ("linear = 3", "defines no function linear: keep its name"),
    ("import nothing_of_the_kind", "raised ModuleNotFoundError in line 1"),
    ("exit(1)", "ends the program in line 1, `exit(1)`"),
    ("\0", "null bytes"),
    ("\udcff", "linear.py is not Python: (unicode error) 'utf-8' codec can't decode"),
])
def test_a_file_without_an_op_is_told_why(text, words, tmp_path):
    path = tmp_path / "linear.py"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(attempt.Complaint) as caught:
        attempt.load(path, "linear")
    assert words in str(caught.value)


@pytest.mark.parametrize("before, after, words", [
    ("return y, backward", "return y", "must return its value and its backward"),
    ("return dx, dw, db", "pass", "in this order, but it returns nothing"),
    ("return dx, dw, db", "return dx", "in this order, but it returns 1"),
    ("def backward(dy)", "def backward()", "raised TypeError"),
])
def test_what_is_not_returned_as_asked_is_told(before, after, words, tmp_path):
    verdicts = graded(tmp_path, "linear", patched("linear", before, after))
    assert words in verdicts["dx"].words


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
    assert re.search(r"\(linear\.2\)  numnet/linear\.py:\d+   dx = dy @ w\.T\n", text)
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
    assert f"(linear.3)  {plain(LATEX['linear.3'])}" in second
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
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"})
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
            capture_output=True, env=os.environ | {
                "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "cp1252"})
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"\x1b" not in done.stdout and done.stdout.decode("cp1252")
