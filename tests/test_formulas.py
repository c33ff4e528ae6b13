"""Formula, code line, oracle and citation hold each other, by their tags."""

from pathlib import Path

import numpy as np
import pytest

from numnet.study.formulas import cited, problems, read
from oracles import ORACLES

ROOT = Path(__file__).parent.parent
FORMULAS = {formula.tag: formula for formula in read()}

OP = '''
def double(x):
    r"""Twice the number.

    (double.1)  y_k = 2\\, x_k
    (double.2)  dx_k = 2\\, dy_k

    Any shape; read with (double.1) in mind.
    Source: Euclid, book V,
    definition 2.
    """
    y = 2 * x          # (double.1)

    def backward(dy):
        dx = 2 * dy    # (double.2)
        return dx

    return y, backward
'''
OTHER = OP.replace("double", "twice")


@pytest.mark.parametrize("tag", ORACLES)
def test_the_op_computes_what_its_formula_says(tag):
    ours, literal = map(np.asarray, ORACLES[tag](np.random.default_rng(0)))
    assert ours.shape == literal.shape
    assert literal.any()
    assert np.abs(ours - literal).max() <= 1e-12 * np.abs(literal).max()


def test_every_formula_has_an_oracle_and_every_oracle_a_formula():
    assert set(ORACLES) == set(FORMULAS)


def test_formulas_and_code_lines_agree_in_the_whole_network():
    assert problems() == []


@pytest.mark.parametrize("path", [ROOT / "README.md", *ROOT.glob("lessons/*.py")],
                         ids=lambda path: path.name)
def test_what_a_lesson_or_the_readme_cites_exists(path):
    assert cited(path.read_text(encoding="utf-8")) <= set(FORMULAS)


def test_a_formula_is_read_with_its_lines_and_its_source(tmp_path):
    forward, backward = read(write(tmp_path, double=OP))
    assert (forward.tag, forward.latex) == ("double.1", r"y_k = 2\, x_k")
    assert (forward.kind, backward.kind) == ("forward", "backward")
    assert (backward.function, backward.file) == ("double", tmp_path / "double.py")
    number = OP.splitlines().index("        dx = 2 * dy    # (double.2)") + 1
    assert backward.lines == ((number, "dx = 2 * dy    # (double.2)"),)
    assert backward.source == "Euclid, book V, definition 2."


def test_citations_are_tags_in_parentheses_and_those_of_ops_in_backticks():
    text = "(linear.2), `rnn.99`, (rnn.3, rnn.4), (lineer.2) but linear.1 or `os.1`"
    assert cited(text) == {"linear.2", "rnn.99", "rnn.3", "rnn.4", "lineer.2"}


def test_an_op_with_all_its_tags_has_no_problems(tmp_path):
    assert problems(write(tmp_path, double=OP, twice=OTHER)) == []


def test_a_tag_on_a_line_that_no_docstring_states_is_a_problem(tmp_path):
    folder = write(tmp_path, double=OP.replace("x          # (d", "x   # (duo.1) (d"))
    assert problems(folder) == [
        "double.py, line 12: (duo.1) is used but no docstring states it."]


def test_a_formula_without_a_line_is_a_problem(tmp_path):
    folder = write(tmp_path, double=OP.replace("# (double.1)", ""))
    assert problems(folder) == [
        "double.py: (double.1) is stated but no code line ends in it."]


def test_a_comment_by_itself_is_no_line_of_a_formula(tmp_path):
    folder = write(tmp_path, double=OP.replace("y = 2 * x ", "y = 2 * x\n    "))
    assert problems(folder) == [
        "double.py: (double.1) is stated but no code line ends in it."]


def test_a_misspelt_tag_is_two_problems(tmp_path):
    folder = write(tmp_path, double=OP.replace("# (double.1)", "# (doulbe.1)"))
    assert problems(folder) == [
        "double.py, line 12: (doulbe.1) is used but no docstring states it.",
        "double.py: (double.1) is stated but no code line ends in it."]


def test_a_formula_stated_twice_is_a_problem(tmp_path):
    folder = write(tmp_path, double=OP, twice=OTHER.replace(
        "    Any", "    (double.1)  y_k = x_k + x_k\n\n    Any"))
    assert problems(folder) == [
        "twice.py: twice states (double.1), but double.py already does."]


def test_a_tag_used_in_another_file_than_stated_is_a_problem(tmp_path):
    folder = write(tmp_path, double=OP,
                   twice=OTHER.replace("# (twice.1)", "# (twice.1) (double.1)"))
    assert problems(folder) == [
        "twice.py, line 12: (double.1) is used but is stated in double.py."]


@pytest.mark.parametrize("before, after", [
    ("return dx", "dw = dy * x\n        return dx, dw"),
    ("return dx", "dw = dy\n        return dx if x is None else (dx, f(dw, x))"),
    ("dx = 2 * dy    # (double.2)\n        return dx",
     "dx = 2 * dy\n        dw = dx    # (double.2)\n        return dw"),
    ("dx = 2 * dy    # (double.2)\n        return dx",
     "dx = 2 * dy    # (double.1)\n        dw = dx    # (double.2)\n        return dx"),
    ("return dx", "return 3 * dy, dx"),
])
def test_a_returned_gradient_without_a_line_of_its_formula_is_a_problem(
        tmp_path, before, after):
    found = problems(write(tmp_path, double=OP.replace(before, after)))
    assert len(found) == 1
    assert "double's backward returns d" in found[0]


def test_a_gradient_assembled_from_its_tagged_line_is_no_problem(tmp_path):
    assembled = OP.replace("dx = 2 * dy    # (double.2)", """dsum = 0 * x
        for k in range(2):
            dsum += dy    # (double.2)
        dx = dsum""")
    assert problems(write(tmp_path, double=assembled)) == []


def test_what_another_backward_gives_needs_no_formula(tmp_path):
    composed = """
def project(layer, x):
    y, layer_backward = layer(x)

    def backward(dy):
        return layer_backward(dy)

    return y, backward
"""
    assert problems(write(tmp_path, double=OP + composed)) == []


def test_a_layer_only_passes_gradients_on(tmp_path):
    layer = """
class Double:
    def __call__(self, x):
        y, double_backward = double(x)

        def backward(dy):
            dx = double_backward(dy)
            return dx

        return y, backward
"""
    assert problems(write(tmp_path, double=OP + layer)) == []


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return folder
