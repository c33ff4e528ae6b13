"""A source file as a page: the code, and level with each line what it computes.

Both columns share one grid, with a row for every line. What stands on the left (prose
of a docstring, the card of a formula) begins in the row of its line and may reach down
to the next that stands there, so nothing overlaps; only the row of a tagged line and
that of a docstring, whose text is on the left, grow where the left needs more.
"""

import ast
import html
import re
from itertools import groupby

from numnet.study.formulas import CITED, STATED, TAG
from numnet.study.mathml import formula

try:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer
except ImportError:                                  # the extra `book` is not there
    highlight = None

SCRIPT = re.compile(r"\b([A-Za-z]+'?)_\{([^{}]+)\}|\b([A-Za-z])([_^])(\w)\b")
GROWS = "minmax(var(--row),auto)"                    # a row, and more if it must
ROOM = 2                                             # rows for a formula in full size


def code_lines(source, link):
    """The lines of a program as HTML, coloured, the tags in comments made links."""
    if highlight is None:
        lines = html.escape(source, quote=False).split("\n")
    else:
        text = highlight(source, PythonLexer(stripnl=False, ensurenl=False),
                         HtmlFormatter(nowrap=True))
        lines = text.split("\n")[:source.count("\n") + 1]

    def linked(match):
        return link(match[1]) or match[0]

    parts = [line.rpartition("# ") for line in lines]
    return [code + sign + (re.sub(rf"\(({TAG})\)", linked, rest) if sign else rest)
            for code, sign, rest in parts]


def prose(doc, link):
    """A docstring as paragraphs: without its formulas, which stand at their lines."""
    doc = "\n".join("" if STATED.match(line) else line for line in doc.splitlines())
    parts = []
    for text in re.split(r"\n\s*\n", doc.strip("\n")):
        lines = text.splitlines()
        if all(line.startswith("    ") for line in lines):
            parts.append(f"<pre>{html.escape(text, quote=False)}</pre>")
            continue
        for paragraph in re.split(r"\n(?=Raises |Source: |- )", text):
            kind = "source" if paragraph.startswith("Source: ") else "text"
            paragraph = re.sub(" {3,}", "\u2003 ", paragraph.strip())
            if paragraph:
                parts.append(f'<p class="{kind}">{inline(paragraph, link)}</p>')
    return "\n".join(parts)


def inline(text, link):
    """A line of prose: `code`, subscripts, and the tags it cites as links."""
    def cite(match):
        if "`" in match[0]:
            return link(match[0].strip("`"), match[0].strip("`")) or match[0]
        return re.sub(TAG, lambda tag: link(tag[0], tag[0]) or tag[0], match[0])

    def script(match):                               # h'_{nto}, l_n, a^i
        long, below, letter, sign, one = match.groups()
        kind = "sup" if sign == "^" else "sub"
        return f"{long or letter}<{kind}>{below or one}</{kind}>"

    parts = re.split("(`[^`]+`)", html.escape(text, quote=False))
    parts[::2] = [SCRIPT.sub(script, part) for part in parts[::2]]
    text = re.sub(CITED, cite, "".join(parts))
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", text)


def page(source, name, cards, link, marked):
    """The body of a source file's page: heading, jumps, and the two columns.

    cards is a dict from line number to the formulas that stand level with that line;
    marked one to all formulas of a line, since several lines may compute one;
    link(tag, text) gives the link to a formula, or None where there is no such tag.
    """
    tree = ast.parse(source)
    notes, hidden = _notes(tree, name, cards, link)
    lines = code_lines(source.rstrip("\n"), link)
    shown = [number for number in range(1, len(lines) + 1)
             if hidden.get(number, (number,))[0] == number]
    beside = [row for row, number in enumerate(shown, 1)
              if number in notes or number in cards]
    until = dict(zip(beside, [*beside[1:], len(shown) + 1]))
    parts = []
    for row, number in enumerate(shown, 1):
        found = cards.get(number, ())
        if row in until:
            room = until[row] - row >= ROOM
            left = notes.get(number, "") + "".join(_card(each, room) for each in found)
            parts.append(f'<div class="notes" style="grid-row:{row}/{until[row]}">'
                         f"{left}</div>")
        if number in hidden:
            parts.append(_doc(row, hidden[number]))
        else:
            parts.append(_line(row, number, lines[number - 1], marked.get(number, ())))
    grows = [number in cards or number in hidden for number in shown]
    sizes = " ".join(f"repeat({len(list(run))},{GROWS if each else 'var(--row)'})"
                     for each, run in groupby(grows))
    tags = [each.tag for found in cards.values() for each in found]
    return "\n".join([_light(tags), _jumps(notes),
                      f'<div class="reader" style="grid-template-rows:{sizes}">',
                      *parts, "</div>"])


def _card(each, room):
    """A formula with its tag, which leads to the index."""
    return (f'<div class="card" id="eq-{each.tag}" data-tag="{each.tag}" role="group" '
            f'aria-label="Formula {each.tag}">{formula(each.latex, display=room)}'
            f'<a class="tag" href="equations.html#eq-{each.tag}">({each.tag})</a>'
            f"</div>")


def _line(row, number, text, found):
    """A line of code, its number a link to itself."""
    tags = " ".join(each.tag for each in found)
    return (f'<div class="line" id="L{number}" style="grid-row:{row}"'
            + (f' data-tag="{tags}"' if tags else "")
            + f'><a class="number" href="#L{number}" aria-label="Line {number}">'
            f'{number}</a><code>{text or " "}</code></div>')


def _doc(row, numbers):
    """What stands in the code for a docstring whose text is on the left."""
    first, last = numbers[0], numbers[-1]
    which = f"lines {first}–{last}" if last > first else f"line {first}"
    return (f'<div class="doc" id="L{first}" style="grid-row:{row}">'
            f"<span>docstring, {which}: set beside</span></div>")


def _notes(tree, name, cards, link):
    """Prose by line number, and of each line of its docstrings, all their lines."""
    heading = f"<h1>{html.escape(name)}</h1>\n"
    notes, hidden = {1: heading}, {}
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)):
            continue
        doc = ast.get_docstring(node) or ""
        outer = node is tree or node in tree.body
        if not doc or not (outer or any(map(STATED.match, doc.splitlines()))):
            continue                                 # a method's stays in the code
        decorated = [each.lineno for each in getattr(node, "decorator_list", [])]
        first = min([getattr(node, "lineno", 1), *decorated])
        if first in cards:                           # as does an oracle's
            continue
        text = node.body[0]
        numbers = range(text.lineno, text.end_lineno + 1)
        hidden.update(dict.fromkeys(numbers, numbers))
        if node is tree:
            notes[1] = heading + prose(doc, link)
        else:
            notes[first] = (notes.get(first, "") + f'<h2 id="{node.name}">{node.name}'
                            f"</h2>\n{prose(doc, link)}")
    return notes, hidden


def _jumps(notes):
    """Links to the headings on the left."""
    names = re.findall('<h2 id="([^"]*)"', "".join(notes[row] for row in sorted(notes)))
    links = " ".join(f'<a href="#{name}">{name}</a>' for name in names)
    return f'<nav class="jumps" aria-label="On this page">{links}</nav>' * bool(links)


def _light(tags):
    """Style by which a card lights its lines, and a line its card."""
    rules = "\n".join(
        f'.reader:has([data-tag~="{tag}"]:is(:hover,:target,:focus-within)) '
        f'[data-tag~="{tag}"]{{background:var(--lit)}}' for tag in tags)
    return f"<style>\n{rules}\n</style>" if rules else ""
