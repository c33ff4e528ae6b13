import itertools
import pkgutil
from pathlib import Path

import numpy as np
import pytest

from numnet.study import attempt, exercises, grading, practice
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


# ---- files that do not come to a result ---------------------------------------------

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
