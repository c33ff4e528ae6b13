"""The web book: all that should be there is, and all that must not be stops it."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import numnet.study.book
from numnet.__main__ import main
from numnet.study import chapters, formulas, mathml, reader
from numnet.study.book import build
from numnet.study.cases import public_ops
from numnet.study.formulas import read
from oracles import ORACLES

ROOT = formulas.NETWORK.parent
FORMULAS = {each.tag: each for each in read()}
OP = '''"""Doubling: twice the number."""


def double(x):
    r"""Twice the number.

    (double.1)  y_k = 2\\, x_k
    (double.2)  dx_k = 2\\, dy_k

    Any shape x_k; (double.2) is as short as (double.1). `code` is code.
    """
    y = 2 * x          # (double.1)

    def backward(dy):
        dx = 2 * dy    # (double.2)
        return dx

    return y, backward
'''
LESSON = r'''# %% [markdown]
# # Doubling
# $$ \begin{aligned} y &= 2x \\ &= x + x \end{aligned} $$
# That is (double.1), and `double.2`, but `(double.1)` is code.

# %%
from pathlib import Path
x = 3
print("twice", 2 * x)        # (double.1)

# %%
assert x == 3
Path("figures/dot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')

# %% [markdown]
# ![A dot](figures/dot.svg)
'''


class Page(HTMLParser):
    """What a test asks of a page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loads, self.tags, self.alts = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if tag == "a" else []
        self.loads += [found[name] for name in ("src", "href")
                       if name in found and tag != "a"]
        self.alts += [found.get("alt")] if tag == "img" else []


@pytest.fixture(scope="module")
def pages(book):
    return {path.name: Page(path.read_text(encoding="utf-8"))
            for path in book.glob("*.html")}


@pytest.fixture
def small(tmp_path):
    """A repository of one op and one lesson."""
    for name, text in (("numnet/double.py", OP), ("lessons/01_double.py", LESSON),
                       ("numnet/__init__.py", '"""numnet: one op."""\n')):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_into_a_file_nothing_is_built(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(numnet.study.book, "build", lambda: pytest.fail("it was built"))
    file = tmp_path / "file"
    file.touch()
    assert main(["book", "-o", str(file)]) == 2
    assert capsys.readouterr().err == f"numnet: book: {file} is not a folder\n"


def test_every_op_has_its_place_on_a_page(pages):
    contents = pages["index.html"].links
    for op in public_ops().values():
        page = f"{op.__module__}.html"
        assert page in contents and op.__name__ in pages[page].ids
    for file in [*ROOT.glob("numnet/*.py"), *ROOT.glob("lessons/[0-9]*.py")]:
        assert any(link in (f"numnet.{file.stem}.html", f"{file.stem}.html")
                   for link in contents), file


@pytest.mark.source
def test_every_formula_is_in_the_index_and_linked_from_there_and_back(pages, book):
    index = (book / "equations.html").read_text(encoding="utf-8")
    rows = dict(re.findall(r'<tr id="eq-([^"]*)">(.*?)</tr>', index, re.DOTALL))
    assert set(rows) == set(FORMULAS)
    for tag, each in FORMULAS.items():
        page = f"numnet.{each.file.stem}.html"
        links = Page(rows[tag]).links
        assert f"{page}#eq-{tag}" in links and f"equations.html#eq-{tag}" in (
            pages[page].links)
        assert {f"{page}#L{number}" for number, _ in each.lines} < set(links)
        code = (book / page).read_text(encoding="utf-8")
        for number, _ in each.lines:
            line = re.search(rf'<div class="line" id="L{number}".*', code)[0]
            assert f'data-tag="{tag}"' in line and f"#eq-{tag}" in line
        oracle = [link for link in links if link.startswith("tests.oracles.")]
        assert len(oracle) == (tag in ORACLES)
        for link in oracle:
            assert f"eq-{tag}" in pages[link.split("#")[0]].ids


def test_what_lessons_cite_is_linked_both_ways(pages):
    for path in ROOT.glob("lessons/[0-9]*.py"):
        for tag in formulas.cited(path.read_text(encoding="utf-8")):
            home = f"numnet.{FORMULAS[tag].file.stem}.html#eq-{tag}"
            assert home in pages[f"{path.stem}.html"].links
            assert any(link.startswith(f"{path.stem}.html#cell-")
                       for link in pages["equations.html"].links)


def test_all_links_lead_somewhere_and_no_page_is_an_orphan(pages, book):
    for name, page in pages.items():
        assert len(page.ids) == len(set(page.ids)), name
        for link in page.links + page.loads:
            file, _, anchor = link.partition("#")
            assert (book / file).exists(), (name, link)
            assert not anchor or anchor in pages[file or name].ids, (name, link)
    reached = {link.split("#")[0] for link in pages["index.html"].links}
    assert reached - {""} == set(pages)


def test_nothing_is_loaded_from_outside_and_nothing_needs_a_script(pages, book):
    for name, page in pages.items():
        assert "script" not in page.tags, name
        assert not any(":" in link for link in page.loads), name
    style = (book / "book.css").read_text(encoding="utf-8")
    assert "http" not in style and re.findall(r"url\(.{10}", style) == [
        'url("data:font']
    assert "SIL OPEN FONT LICENSE" in (book / "OFL.txt").read_text(encoding="utf-8")
    assert sum(file.stat().st_size for file in book.rglob("*.*")) < 10e6


def test_every_page_has_one_heading_and_every_picture_a_text(pages):
    for name, page in pages.items():
        assert page.tags.count("h1") == 1, name
        assert all(page.alts), name
        assert "#the-text" == page.links[0], name            # the skip link


def test_every_letter_of_a_formula_is_in_the_font(pages, book):
    pytest.importorskip("latex2mathml")
    pytest.importorskip("brotli", reason="to look into the font takes brotli")
    from fontTools.ttLib import TTFont
    letters = {letter for path in book.glob("*.html")
               for math in re.findall(r"<math.*?</math>",
                                      path.read_text(encoding="utf-8"))
               for letter in re.sub(r"<[^>]*>|&\w+;", "", math)}
    font = TTFont(Path(mathml.__file__).parent / "assets" / "stix-two-math.woff2")
    assert "MATH" in font
    assert {letter for letter in letters if ord(letter) not in font.getBestCmap()} == (
        set())


def test_a_docstring_is_set_once_and_its_lines_keep_their_numbers(small):
    page = build(small)["numnet.double.html"].decode()
    assert page.count("Twice the number.") == 1
    assert "docstring, lines 5–11" in page and 'id="L6"' not in page
    assert 'id="L12" style="grid-row:6" data-tag="double.1"' in page
    assert "Any shape x<sub>k</sub>" in page and "<code>code</code>" in page


def test_a_lesson_shows_what_it_printed_and_drew(small):
    pytest.importorskip("markdown_it")
    files = build(small)
    page = files["01_double.html"].decode()
    assert "twice 6" in page and '<img src="figures/dot.svg" alt="A dot">' in page
    assert files["figures/dot.svg"].startswith(b"<svg")
    assert page.count('href="numnet.double.html#eq-double.1"') == 2
    assert "<code>(double.1)</code>" in page


def change(path, before, after):
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


@pytest.mark.parametrize("file, before, after, message", [
    ("numnet/double.py", "# (double.2)", "# (double.2) (double.3)",
     "double.py, line 15: (double.3) is used but no docstring states it"),
    ("numnet/double.py", "  # (double.1)", "",
     "double.py: (double.1) is stated but no code line ends in it"),
    ("numnet/double.py", "as short as (double.1)", "as short as (double.7)",
     "numnet/double.py cites (double.7), but no docstring states it"),
    ("lessons/01_double.py", "`double.2`", "`double.7`",
     "01_double.py, cell 1 cites (double.7), but no docstring states it"),
    ("lessons/01_double.py", "# (double.1)\n", "# (dubble.1)\n",
     "01_double.py, cell 2 cites (dubble.1), but no docstring states it"),
    ("lessons/01_double.py", "# (double.1)\n", "# (double.9)\n",
     "01_double.py, cell 2 cites (double.9), but no docstring states it"),
    ("lessons/01_double.py", "assert x == 3", "assert x == 4, 'x is 3'",
     "01_double.py, cell 3 (line 12): AssertionError: x is 3"),
    ("lessons/01_double.py", "x = 3", "x = = 3",
     "01_double.py, cell 2 (line 7): SyntaxError"),
    ("lessons/01_double.py", "![A dot]", "![]",
     "01_double.py, cell 4 shows figures/dot.svg without saying what is on it"),
    ("lessons/01_double.py", "(figures/dot.svg)", "(figures/no.svg)",
     "01_double.py, cell 4 shows figures/no.svg, but no cell before it drew it"),
])
def test_a_fault_stops_the_build_and_is_named_with_its_place(
        small, file, before, after, message):
    change(small / file, before, after)
    with pytest.raises(ValueError, match=re.escape(message)):
        build(small)


@pytest.mark.parametrize("file, before, after, message", [
    ("numnet/double.py", r"dx_k = 2\, dy_k", r"dx_k = \twice dy_k",
     r"numnet/double.py: double.2: dx_k = \twice dy_k leaves \twice unset"),
    ("numnet/double.py", r"dx_k = 2\, dy_k", r"dx_k = \frac{1}",
     r"numnet/double.py: double.2: dx_k = \frac{1} leaves mfrac unset"),
    ("lessons/01_double.py", "y &= 2x", r"y &= \two x",
     "01_double.py, cell 1: "),
])
def test_a_formula_that_cannot_be_set_stops_the_build(
        small, file, before, after, message):
    pytest.importorskip("latex2mathml")
    change(small / file, before, after)
    with pytest.raises(ValueError, match=re.escape(message)):
        build(small)


def test_the_command_writes_nothing_when_the_build_fails(
        small, tmp_path, monkeypatch, capsys):
    change(small / "lessons/01_double.py", "x = 3", "x = 4")
    monkeypatch.setattr("numnet.study.book.ROOT", small)
    monkeypatch.setattr("numnet.study.book.build.__defaults__", (small,))
    assert main(["book", "-o", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == (
        "numnet: 01_double.py, cell 3 (line 12): AssertionError\n")
    assert not (tmp_path / "out").exists()
    change(small / "lessons/01_double.py", "x = 4", "x = 3")
    assert main(["book", "-o", str(tmp_path / "out")]) == 0
    assert "pages" in capsys.readouterr().out
    assert (tmp_path / "out" / "figures" / "dot.svg").exists()


def test_without_the_extra_formulas_are_text_and_code_has_no_colours(small):
    program = """if True:
        import sys
        for name in ("latex2mathml", "latex2mathml.converter", "markdown_it",
                     "pygments"):
            sys.modules[name] = None
        from numnet.study.book import build
        files = build(sys.argv[1])
        print(files["numnet.double.html"].decode())
        print(files["01_double.html"].decode())
    """
    done = subprocess.run([sys.executable, "-X", "utf8", "-c", program, str(small)],
                          capture_output=True, text=True, encoding="utf-8", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert '<span class="plain">y[k] = 2 x[k]</span>' in done.stdout
    assert "<math" not in done.stdout and "<h1>Doubling</h1>" in done.stdout
    assert '<img src="figures/dot.svg" alt="A dot">' in done.stdout


@pytest.mark.source
def test_without_the_extra_the_whole_source_can_still_be_set(monkeypatch):
    monkeypatch.setattr(mathml, "convert", None)
    monkeypatch.setattr(reader, "highlight", None)
    monkeypatch.setattr(chapters, "MarkdownIt", None)
    monkeypatch.setattr(Path, "glob", without_lessons(Path.glob))
    files = build()
    assert len(files) > 60
    assert not any(b"<math" in data for data in files.values())


def without_lessons(glob):
    return lambda self, *rest: [] if self.name == "lessons" else glob(self, *rest)


@pytest.mark.parametrize("latex, part", [
    (r"\begin{aligned} a &= b \\ &= c \end{aligned}", '<mtd class="right">'),
    (r"\operatorname*{arg\,max}_k x_k", "<munder><mrow><mtext>arg\u00a0max"),
    (r"\boldsymbol{x}", "\U0001d499"),
    (r"\bar{t}", "\u203e"),
    (r"\max_{ij} x", '<munder><mo movablelimits="true"'),
    (r"r\,\tanh a", '<mo lspace="0" rspace="0.167em">tanh</mo>'),
    (r"\mathrm{norm}(x)", ">norm</mo>"),
])
def test_what_browsers_would_draw_wrongly_is_mended(latex, part):
    pytest.importorskip("latex2mathml")
    assert part in mathml.formula(latex, display=True)
