import re

import pytest

from numnet.__main__ import main
from numnet.study.formulas import describe, read
from numnet.study.plain import plain

FORMULAS = read()


# ---- the plain text ------------------------------------------------------------------

@pytest.mark.parametrize("latex, text", [
    (r"y_{no} = b_o + \sum_i x_{ni}\, w_{io}", "y[n,o] = b[o] + Σ[i] x[n,i] w[i,o]"),
    (r"\sum_{cij} w_{ocij}\, x_{n,\,c,\,sp+ri-m,\,sq+rj-m}",
     "Σ[c,i,j] w[o,c,i,j] x[n, c, sp+ri-m, sq+rj-m]"),
    (r"[h=sp+ri-m] [w=sq+rj-m] dy_{nopq}", "[h=sp+ri-m] [w=sq+rj-m] dy[n,o,p,q]"),
    (r"x_{n,chw}, \quad k = (c H + h) W + w", "x[n, c, h, w],   k = (c H + h) W + w"),
    (r"u_{nk} \; (k < U)", "u[n,k]  (k < U)"),
    (r"w_{t,2k+1}", "w[t, 2k+1]"),
    (r"dh0_{no} = e_{n0o}", "dh0[n,o] = e[n,0,o]"),
    (r"\log p_{n,l_n}", "log p[n, l[n]]"),
    (r"\sum_{j \ne l_n} [z_{nj} \ge z_{n,l_n}]", "Σ[j≠l[n]] [z[n,j] ≥ z[n, l[n]]]"),
    (r"\max_{ij} x_{ij}", "max[i,j] x[i,j]"),
    (r"dw_k\, \min\Big(1, \frac{m}{g + 10^{-6}}\Big)",
     "dw[k] min(1, m / (g + 10⁻⁶))"),
    (r"\frac{1}{\sqrt{I}} \sum_i q_{ti}", "(1 / √I) Σ[i] q[t,i]"),
    (r"\frac{1}{O}\sum_o (x_{no}-m_n)^2", "(1 / O) Σ[o] (x[n,o]-m[n])²"),
    (r"1 - \frac{a}{b + c}", "1 - a / (b + c)"),
    (r"\frac{a - b}{2N}", "(a - b) / (2N)"),
    (r"\frac{e^{x_k}}{\sum_m e^{x_m}}", "e^(x[k]) / (Σ[m] e^(x[m]))"),
    (r"\frac{\frac{a}{b}}{c}", "(a / b) / c"),
    (r"\frac{a}{b}^2", "(a / b)^2"),
    (r"1 + e^{-x}", "1 + e^(-x)"),
    (r"e^s\, 10000^{2k/O}", "e^s 10000^(2k/O)"),
    (r"(1-r_{nt})c'_{nto}", "(1-r[n,t]) c'[n,t,o]"),
    (r"1 - \tanh^2 c_{nto}", "1 - tanh² c[n,t,o]"),
    (r"da^i_{nto} = \sigma(a^i)", "da^i[n,t,o] = σ(a^i)"),
    (r"v \leftarrow \beta_2\, v + \lambda\, w", "v ← β₂ v + λ w"),
    (r"\sqrt{v / (1 - \beta_2^k)} + \epsilon", "√(v / (1 - β₂^k)) + ε"),
    (r"\bar{t} \le \infty", "t\u0304 ≤ ∞"),
    (r"\frac{\partial L}{\partial w_i}", "∂L / ∂w[i]"),
    (r"dw^{(k)}", "dw^(k)"),
])
def test_a_formula_in_plain_text(latex, text):
    assert plain(latex) == text


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda formula: formula.tag)
def test_every_formula_of_the_network_has_a_plain_text(formula):
    text = plain(formula.latex)
    assert not re.search(r"[\\{}_$]", text)
    assert text.count("(") == text.count(")") and text.count("[") == text.count("]")
    names = re.findall(r"[A-Za-z]+", re.sub(r"\\[A-Za-z]+|[{}^,]", " ", formula.latex))
    assert set("".join(names)) <= set(text)


@pytest.mark.parametrize("latex, what", [
    (r"y = \oint x", r"\oint"), (r"a & b", "&"), (r"{a}", "{"), ("_k", "_"),
    (r"y_{no", "brace"), (r"\frac{a}", "missing"), ("x^", "missing"),
    (r"\frac{}{b}", "missing"), ("x}", "}"), (r"a \\ b", r"\\"),
])
def test_latex_that_is_not_known_is_named_with_its_formula(latex, what):
    with pytest.raises(ValueError, match=r"^plain: ") as error:
        plain(latex)
    assert what in str(error.value) and latex in str(error.value)


# ---- numnet formulas -----------------------------------------------------------------

def test_the_list_has_every_formula_under_its_file(capsys):
    assert main(["formulas"]) == 0
    listed = {}
    for line in capsys.readouterr().out.splitlines():
        if line.startswith("numnet/"):
            file = line
        elif line.startswith("  "):
            listed[line.split()[0]] = (file, line.split(maxsplit=1)[1])
    assert listed == {formula.tag: (f"numnet/{formula.file.name}", plain(formula.latex))
                      for formula in FORMULAS}


@pytest.mark.source
def test_one_formula_is_shown_with_all_that_hangs_on_it(capsys):
    assert main(["formulas", "attention.2"]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first == ("(attention.2)  "
                     "p[t,u] = a[t,u] e^(s[t,u]) / (Σ[m] a[t,m] e^(s[t,m]))")
    rows = {row.split()[0]: row.split(maxsplit=1)[1] for row in rest}
    assert list(rows) == ["LaTeX", "pass", "code", "oracle", "lesson", "source"]
    assert rows["pass"] == "forward"
    place, line = rows["code"].split(maxsplit=1)
    assert re.fullmatch(r"numnet/attention\.py:\d+", place)
    assert line == "p = np.divide(e, total, out=e)"
    assert re.fullmatch(r"tests/oracles/attention\.py:\d+", rows["oracle"])
    assert rows["source"].startswith("Vaswani et al. 2017")


def test_an_op_shows_all_of_its_formulas(capsys):
    assert main(["formulas", "conv2d"]) == 0
    shown = re.findall(r"^\((conv2d\.\d)\)", capsys.readouterr().out, re.MULTILINE)
    assert shown == ["conv2d.1", "conv2d.2", "conv2d.3", "conv2d.4"]


def test_oracle_and_lessons_are_found_where_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr("numnet.study.formulas.NETWORK", tmp_path / "numnet")
    formula = next(formula for formula in FORMULAS if formula.tag == "linear.2")
    monkeypatch.setattr("numnet.study.formulas._place", lambda file: file.name)
    assert "oracle   not installed\n    lesson   not installed" in describe(
        formula, tmp_path)
    (tmp_path / "lessons").mkdir()
    (tmp_path / "tests" / "oracles").mkdir(parents=True)
    assert "oracle   none\n    lesson   none" in describe(formula, tmp_path)
    (tmp_path / "tests" / "oracles" / "a.py").write_text('\n@oracle("linear.2")\n')
    (tmp_path / "lessons" / "01_a.py").write_text("# as (linear.1, linear.2) says\n")
    (tmp_path / "lessons" / "02_b.py").write_text("# (linear.22), linear.2\n")
    assert "oracle   a.py:2\n    lesson   01_a.py:1" in describe(formula, tmp_path)
    assert "02_b" not in describe(formula, tmp_path)


@pytest.mark.parametrize("name, other", [
    ("attentoin", "attention"), ("conv2d.9", "conv2d."), ("Linear", "linear")])
def test_an_unknown_tag_is_one_line_with_the_nearest_and_exit_2(name, other, capsys):
    assert main(["formulas", name]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"numnet: formulas: there is no {name!r}, the nearest is "
                            f"{other}")
    assert error.count("\n") == 1
