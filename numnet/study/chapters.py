"""The chapters of the web book besides the source: contents, lessons, equations."""

import ast
import html
import re
import tempfile
from functools import partial
from itertools import groupby

from numnet.study import lessons
from numnet.study.formulas import CITED, TAG
from numnet.study.mathml import formula
from numnet.study.reader import code_lines, inline

try:
    from markdown_it import MarkdownIt
except ImportError:                                  # the extra `book` is not there
    MarkdownIt = None

DISPLAYED = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
HELD = "\ue000{}\ue001"                              # where a formula goes
CITATION = re.compile(                               # what is left alone comes first
    rf"<pre>.*?</pre>|<code>(?P<code>{TAG})</code>|<code>.*?</code>|<a .*?</a>|<[^>]*>"
    rf"|\({TAG}(?:, {TAG})*\)", re.DOTALL)
IMAGE = re.compile(r'<img src="(?P<source>[^"]*)" alt="(?P<about>[^"]*)"[^>]*>')
TITLES = {"numnet": "The network", "data": "Data", "study": "The reader’s instruments",
          "pytorch": "The same layers in PyTorch, for networks that are exported",
          "oracles": "Oracles: each formula again, literally and slowly"}


def contents(book):
    """The first page: what there is to read, in the order in which one reads."""
    package = book.root / "numnet" / "__init__.py"
    about = _first_sentence(package).removeprefix("numnet: ")
    parts = [f"<h1>numnet</h1>\n<p>{html.escape(about[:1].upper() + about[1:])}</p>"]
    if book.lessons:
        items = "\n".join(f'<li><a href="{path.stem}.html">'
                          f"{html.escape(lessons.title(path))}</a></li>"
                          for path in book.lessons)
        parts.append(f'<h2>Lessons</h2>\n<ul class="lessons">\n{items}\n</ul>')
    parts.append(
        f'<h2>Equations</h2>\n<p><a href="equations.html">All {len(book.formulas)} '
        f"formulas</a>: for each, the line that computes it, the test that checks it, "
        f"and the lessons that use it.</p>")
    for folder, heading in TITLES.items():
        items = "\n".join(_entry(book, path) for path in book.sources + book.checks
                          if path.parent.name == folder)
        if items:
            parts.append(f'<h2>{heading}</h2>\n<dl class="files">\n{items}\n</dl>')
    return "\n".join(parts)


def _entry(book, path):
    """A file in the contents: its name, its first sentence, its ops."""
    page = book.page_of(path)
    ops = " ".join(dict.fromkeys(_function(page, each) for each in
                                 book.formulas.values() if each.file == path))
    ops = f'<span class="ops">{ops}</span>' if ops else ""
    return (f'<dt><a href="{page}">{path.name}</a></dt>'
            f"<dd>{html.escape(_first_sentence(path))} {ops}</dd>")


def _function(page, each):
    """A link to the op or class that states a formula."""
    return f'<a href="{page}#{each.function.split(".")[-1]}">{each.function}</a>'


def _first_sentence(path):
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(doc.split("\n\n")[0].split())


def equations(book):
    """The index: every formula, with links to all that belongs to it."""
    parts = ["<h1>Equations</h1>"]
    for path, group in groupby(
            sorted(book.formulas.values(), key=lambda each: book.place(each.file)),
            key=lambda each: each.file):
        page = book.page_of(path)
        rows = "\n".join(_row(book, page, each) for each in group)
        parts.append(f"""<h2><a href="{page}">{path.name}</a></h2>
<table class="equations">
<thead><tr><th>tag</th><th>formula</th><th>function</th><th>line</th><th>oracle</th>
<th>lessons</th></tr></thead>
<tbody>
{rows}
</tbody></table>""")
    return "\n".join(parts)


def _row(book, page, each):
    lines = ", ".join(f'<a href="{page}#L{number}">{number}</a>'
                      for number, _ in each.lines)
    oracle = "–"
    if each.tag in book.oracles:
        file, number = book.oracles[each.tag]
        oracle = f'<a href="{book.page_of(file)}#L{number}">{file.stem}, {number}</a>'
    used = ", ".join(f'<a href="{lesson}.html#cell-{cell}">{lesson.split("_")[0]}</a>'
                     for lesson, cell in book.cited.get(each.tag, {}).items())
    cells = (("formula", formula(each.latex, display=True)),
             ("function", _function(page, each)),
             ("line", lines), ("oracle", oracle), ("lessons", used or "–"))
    return (f'<tr id="eq-{each.tag}"><th scope="row"><a class="tag" '
            f'href="{book.home(each.tag)}">({each.tag})</a></th>'
            + "".join(f'<td data-name="{name}">{text}</td>' for name, text in cells)
            + "</tr>")


def lesson(book, path):
    """A lesson, run: its text, its code, what that printed and drew."""
    with tempfile.TemporaryDirectory() as folder:
        ran = lessons.run(path, folder)
    parts, drawn = [], {}
    text = "\n".join(each.cell.text for each in ran if each.cell.kind == "markdown")
    for each in ran:
        cell, place = each.cell, f"{path.name}, cell {each.cell.number}"
        link = book.linker(place)
        for group in CITED.findall(cell.text):
            for tag in re.findall(TAG, group):
                if link(tag):
                    book.cited.setdefault(tag, {}).setdefault(path.stem, cell.number)
                elif group[0] == "(":                # a misspelt op, too
                    raise ValueError(f"{place} cites ({tag}), "
                                     "but no docstring states it")
        drawn |= each.figures
        if cell.kind == "markdown":
            body = _markdown(cell.text, link, place)
            body = IMAGE.sub(partial(_figure, book, drawn, place), body)
        else:
            code = "\n".join(code_lines(cell.text, link))
            body = f'<pre class="code" tabindex="0"><code>{code}</code></pre>'
            if each.output.strip():
                body += (f'\n<pre class="out" tabindex="0" aria-label="Output">'
                         f"{html.escape(each.output.rstrip(), quote=False)}</pre>")
            for name in each.figures:
                if f"({lessons.FIGURES}/{name}" not in text:
                    body += "\n" + _figure(book, drawn, place, {
                        "source": f"{lessons.FIGURES}/{name}",
                        "about": name.rpartition(".")[0].replace("_", " ")})
        parts.append(f'<section class="cell" id="cell-{cell.number}">\n{body}\n'
                     f"</section>")
    page = "\n".join(parts)
    if "<h1>" not in page:
        page = f"<h1>{html.escape(lessons.title(path))}</h1>\n{page}"
    first, mark, rest = page.partition("</h1>")      # one h1 a page
    return first + mark + re.sub(r"<(/?)h1>", r"<\1h2>", rest)


def _figure(book, drawn, place, image):
    """A figure that this lesson drew, or that the repository has."""
    source, about = image["source"], html.unescape(image["about"])
    name = source.removeprefix(lessons.FIGURES + "/")
    kept = book.root / lessons.FIGURES / name
    if name not in drawn and not kept.is_file():
        raise ValueError(f"{place} shows {source}, but no cell before it drew it")
    if not about:
        raise ValueError(f"{place} shows {source} without saying what is on it")
    data = drawn[name] if name in drawn else kept.read_bytes()
    if book.figures.setdefault(source, data) != data:
        raise ValueError(f"{place} draws {source}, but so does another lesson")
    return f'<img src="{source}" alt="{html.escape(about)}">'


def _markdown(text, link, place):
    """Text of a lesson as HTML: formulas set, and the tags it cites made links."""
    held = []

    def hold(match):
        try:
            held.append(formula(match[1].strip(), display=True))
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from error
        return HELD.format(len(held) - 1)

    def cite(match):
        if match["code"]:
            return link(match["code"], match[0]) or match[0]
        if match[0].startswith("<"):
            return match[0]
        return re.sub(TAG, lambda tag: link(tag[0], tag[0]) or tag[0], match[0])

    text = DISPLAYED.sub(hold, text)
    if MarkdownIt is None:
        body = _plain(text)
    else:
        setter = MarkdownIt("commonmark", {"html": False}).enable("table")
        body = setter.render(text)
    body = CITATION.sub(cite, body)
    for k, each in enumerate(held):
        body = body.replace(HELD.format(k), f'<span class="shown">{each}</span>')
    return body


def _plain(text):
    """Headings, images and paragraphs, where no Markdown is understood."""
    parts = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        if heading := re.fullmatch(r"(#+) (.*)", paragraph):
            level = len(heading[1])
            parts.append(f"<h{level}>{html.escape(heading[2])}</h{level}>")
        elif image := re.fullmatch(r"!\[([^]]*)\]\(([^) ]*).*\)", paragraph):
            parts.append(f'<p><img src="{image[2]}" alt="{html.escape(image[1])}"></p>')
        else:
            parts.append(f'<p class="plain">{inline(paragraph, lambda *_: None)}</p>')
    return "\n".join(parts)
