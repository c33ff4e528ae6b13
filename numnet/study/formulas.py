"""Which formula is computed on which line: the tags, read from the network's files.

A formula is stated once, as a docstring line of the op it belongs to,
`(linear.2)  LaTeX`, and the code line that computes it ends in the same tag,
`# (linear.2)`. Whatever shows a formula beside its line finds both here, so nobody
types a line number, and `problems` says where formula and code have come apart.
"""

import ast
import difflib
import io
import re
import tokenize
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from numnet.study.plain import plain

NETWORK = Path(__file__).parent.parent
TAG = r"[A-Za-z]\w*\.\d+"
STATED = re.compile(rf"\(({TAG})\)  +(.*\S)")        # two spaces: prose has one
USED = re.compile(rf"(?:\({TAG}\)[\s,]*)+$")
CITED = re.compile(rf"\({TAG}(?:, {TAG})*\)|`{TAG}`")


@dataclass(frozen=True)
class Formula:
    """A formula, the op or class that states it, and the code lines that compute it."""

    tag: str                     # "linear.2"
    latex: str
    function: str                # qualified name, "linear" or "SGD"
    file: Path
    kind: str                    # "backward" when its lines lie in a `backward`
    lines: tuple                 # of (line number, text of the line)
    source: str                  # what the docstring says after "Source: "


def read(folder=NETWORK):
    """Every formula stated in the folder's own .py files, in the order of the text."""
    formulas = []
    for file in _files(folder):
        for tag, latex, function, source in file.stated:
            lines = tuple((n, file.text[n - 1].strip()) for n in file.used.get(tag, []))
            forward = [n for n, _ in lines if not file.in_backward(n)]
            kind = "backward" if lines and not forward else "forward"
            formulas.append(
                Formula(tag, latex, function, file.path, kind, lines, source))
    return formulas


def problems(folder=NETWORK):
    """Where formulas and code have come apart: one sentence each, [] when all is well.

    A tag used but not stated, stated but not used, stated twice, or used in another
    file than stated; and an op's backward that returns a gradient of which no tagged
    line there computes the formula.
    """
    files, found, home = _files(folder), [], {}
    for file in files:
        for tag, _, function, _ in file.stated:
            if tag in home:
                found.append(f"{file.name}: {function} states ({tag}), "
                             f"but {home[tag].name} already does.")
            home.setdefault(tag, file)
    for file in files:
        for tag, numbers in file.used.items():
            here = f"{file.name}, line {numbers[0]}: ({tag}) is used"
            if tag not in home:
                found.append(f"{here} but no docstring states it.")
            elif home[tag] is not file:
                found.append(f"{here} but is stated in {home[tag].name}.")
        found += _untagged(file)
    used = {tag for file in files for tag in file.used}
    found += [f"{file.name}: ({tag}) is stated but no code line ends in it."
              for tag, file in home.items() if tag not in used]
    return found


def cited(text, folder=NETWORK):
    """The tags a text cites: any in parentheses, (linear.2), so that a misspelt op is
    found; in backticks, `linear.2`, those of ops that state formulas."""
    names = {formula.tag.split(".")[0] for formula in read(folder)}
    return {tag for group in CITED.findall(text) for tag in re.findall(TAG, group)
            if group[0] == "(" or tag.split(".")[0] in names}


def main(arguments):
    """Print all formulas; or those of one op, or one tag, with all that hangs on it."""
    formulas, name = read(), arguments.name
    if name is None:
        for file in dict.fromkeys(formula.file for formula in formulas):
            print(f"\n{_place(file)}")
            for formula in formulas:
                if formula.file == file:
                    print(f"  {formula.tag:19} {plain(formula.latex)}")
        print("\nnumnet formulas TAG shows one: its code line, its oracle, its lessons")
        return 0
    chosen = [formula for formula in formulas if name in (
        formula.tag, formula.tag.split(".")[0])]
    if not chosen:
        tags = [formula.tag for formula in formulas]
        raise ValueError(f"formulas: there is no {name!r}, the nearest is " + nearest(
            name, tags if "." in name else [tag.split(".")[0] for tag in tags]))
    print("\n\n".join(map(describe, chosen)))
    return 0


def nearest(name, names):
    """The name that is most like one that is not there."""
    return max(names, key=lambda other: difflib.SequenceMatcher(
        None, name.lower(), other.lower()).ratio())


def describe(formula, root=NETWORK.parent):
    """A formula, its kind, its code lines, oracle, lessons and source, in lines."""
    rows = [("LaTeX", formula.latex), ("pass", formula.kind)]
    rows += [("code", f"{_place(formula.file)}:{number}   {code(text)}")
             for number, text in formula.lines]
    op, tag = formula.function, re.escape(formula.tag)
    rows += [("oracle", place) for place in _where(      # one, or one of several tags
        root / "tests" / "oracles", rf'oracle\("{tag}"\)', rf'oracle\(f"{op}\.\{{')]
    rows += [("lesson", place) for place in _where(
        root / "lessons", rf"(?:[(`]|, ){tag}(?:[)`]|, )")]
    rows += [("source", formula.source)] * bool(formula.source)
    return "\n".join([f"({formula.tag})  {plain(formula.latex)}",
                      *(f"    {name:9}{text}" for name, text in rows)])


def code(text):
    """A code line without the tags it ends in."""
    return re.sub(rf"\s*#\s*{USED.pattern}", "", text.rstrip())


def _where(folder, *patterns):
    """The places of the first pattern that a folder's files have, "file:line"."""
    if not folder.is_dir():
        return ["not installed"]
    texts = {_place(file): file.read_text(encoding="utf-8").splitlines()
             for file in sorted(folder.glob("*.py"))}
    for pattern in patterns:
        places = [f"{place}:{number}" for place, lines in texts.items()
                  for number, line in enumerate(lines, 1) if re.search(pattern, line)]
        if places:
            return places
    return ["none"]


def _place(file):
    """A file as seen from beside the package."""
    return file.relative_to(NETWORK.parent).as_posix()


class _File:
    """One file's stated formulas, used tags (tag -> line numbers), and backwards."""

    def __init__(self, path, source):
        self.path, self.name = path, path.name
        self.text = source.splitlines()
        self.stated, self.used, self.backwards = [], {}, []
        for chain in _definitions(ast.parse(source)):
            name, node = ".".join(each.name for each in chain), chain[-1]
            doc = ast.get_docstring(node) or ""
            origin = re.search(r"Source: (.*?)(\n\n|\Z)", doc, re.DOTALL)
            origin = " ".join(origin[1].split()) if origin else ""
            for line in doc.splitlines():
                if match := STATED.match(line):
                    self.stated.append((match[1], match[2], name, origin))
            if len(chain) > 1 and node.name == "backward":
                in_class = any(isinstance(each, ast.ClassDef) for each in chain)
                self.backwards.append((chain[-2].name, node, in_class))
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            tags = token.type == tokenize.COMMENT and USED.search(token.string)
            if tags and token.line[:token.start[1]].strip():
                for tag in re.findall(TAG, tags[0]):
                    self.used.setdefault(tag, []).append(token.start[0])

    def tags(self, node):
        """The tags used on the lines of a statement."""
        return {tag for tag, numbers in self.used.items() for number in numbers
                if node.lineno <= number <= node.end_lineno}

    def in_backward(self, number):
        return any(node.lineno <= number <= node.end_lineno
                   for _, node, _ in self.backwards)


_parsed = cache(_File)                               # once, while a file stays as it is


def _files(folder):
    return [_parsed(path, path.read_text(encoding="utf-8"))
            for path in sorted(Path(folder).glob("*.py"))]


def _definitions(node, chain=()):
    """Each function and class, as the chain of definitions from the outermost to it."""
    for child in ast.iter_child_nodes(node):
        inner = chain
        if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
            inner = (*chain, child)
            yield inner
        yield from _definitions(child, inner)


def _untagged(file):
    """Gradients that the ops of a file return and no tagged line computes.

    The formula of dx is one that begins with dx. Where dx is assigned on tagged lines,
    one of those must carry it; where it is assembled (`tap += …`, then `dx = …`), any
    line of the backward may. What another backward gives is passed on: it needs no
    formula here, and a layer, whose backward does nothing else, is not asked.
    """
    begins = {tag: re.match(r"[A-Za-z0-9]*", latex.replace("\\", ""))[0]
              for tag, latex, _, _ in file.stated}
    for op, backward, in_class in file.backwards:
        if in_class:
            continue
        for name in _returned(backward):
            tags = {tag for node in ast.walk(backward) if name in _assigned(node)
                    for tag in file.tags(node)} or file.tags(backward)
            if not {name, name.removesuffix("s")} & {begins.get(tag) for tag in tags}:
                yield (f"{file.name}, line {backward.lineno}: {op}'s backward returns "
                       f"{name}, but no line tagged with a formula for it.")


def _returned(backward):
    """The gradients in a backward's return statements: the names that begin with d."""
    def names(node):
        if isinstance(node, ast.Name):
            return {node.id} if node.id.startswith("d") else set()
        inner = list(ast.iter_child_nodes(node))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            inner = [] if node.func.id.endswith("backward") else inner[1:]
        return set().union(*map(names, inner))

    return sorted(set().union(*(names(node) for node in ast.walk(backward)
                                if isinstance(node, ast.Return))))


def _assigned(node):
    """The names an assignment writes, wholly or in part: x of `x = …`, `x[k] += …`."""
    if not isinstance(node, (ast.Assign, ast.AugAssign)):
        return set()
    written = [each for each in ast.walk(node)
               if isinstance(getattr(each, "ctx", None), ast.Store)]
    written = [getattr(each, "value", each) for each in written]
    return {each.id for each in written if isinstance(each, ast.Name)}
