"""The web book: lessons, run, and the source with each formula beside its line.

`numnet book -o DIR` writes it. It opens from the file system, without a network and
without a script. The book is not written, and the place is named, where a tag has no
formula or a formula no line, where a lesson cites a tag that does not exist or one of
its cells raises, and where a formula cannot be set.
"""

import ast
import base64
import html
import importlib
import sys
import time
from pathlib import Path

from numnet.checkpoint import write_atomically
from numnet.study import chapters, formulas, lessons, mathml, reader

ASSETS = Path(__file__).parent / "assets"
ROOT = formulas.NETWORK.parent                       # holds lessons/ and tests/
ORDER = ("shapes", "module", "initialization", "linear", "activation", "windows",
         "convolution", "winograd", "pooling", "embedding", "recurrent", "states",
         "attention", "normalization", "transformer", "fusion", "hops", "loss", "optim",
         "models", "scenes", "tasks", "training", "metrics", "evaluation", "checkpoint",
         "recipes", "runs")


def main(arguments):
    """Write the book into a folder, and say how large it is and how long it took."""
    start, folder = time.perf_counter(), Path(arguments.out)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"book: {folder} is not a folder")
    pages = build()
    for name, data in pages.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / name, lambda file, data=data: file.write(data))
    if mathml.convert is None or reader.highlight is None:
        print("the book's extra is not installed (pip install numnet[book]): "
              "formulas are plain text, code has no colours")
    print(f"{sum(name.endswith('.html') for name in pages)} pages, "
          f"{sum(map(len, pages.values())) / 1e6:.1f} MB, in "
          f"{time.perf_counter() - start:.0f} s: {folder / 'index.html'}")
    return 0


def build(root=ROOT):
    """The files of the book of a repository: a dict from name to bytes.

    Raises ValueError naming the place, for each fault that the book must not have.
    """
    return _Book(Path(root)).files()


class _Book:
    """What the pages need of each other: where each formula, oracle and lesson is."""

    def __init__(self, root):
        network = root / "numnet"
        if found := formulas.problems(network):
            raise ValueError("\n".join(found))
        self.root, self.figures = root, {}
        self.formulas = {each.tag: each for each in formulas.read(network)}
        self.ops = {tag.split(".")[0] for tag in self.formulas}
        self.oracles = _oracles(root / "tests")
        self.lessons = sorted((root / "lessons").glob("[0-9]*_*.py"))
        sources = [*network.glob("*.py"), *network.glob("*/*.py")]
        self.sources = sorted(
            (path for path in sources if ast.parse(path.read_text("utf-8")).body),
            key=self.place)
        self.checks = sorted((root / "tests" / "oracles").glob("[a-z]*.py"))
        self.cited = {}                              # tag -> {lesson: its first cell}
        names = [("index.html", "Contents"), ("equations.html", "Equations")]
        names += [(path.stem + ".html", lessons.title(path)) for path in self.lessons]
        names += [(self.page_of(path), self.name_of(path))
                  for path in self.sources + self.checks]
        self.names = dict(names)

    def place(self, path):
        """Where a source file stands in the book: in the order in which one reads."""
        stem = path.stem if path.parent.name == "numnet" else ""
        rank = ORDER.index(stem) if stem in ORDER else len(ORDER)
        return path.parent.as_posix(), rank, path.name

    def name_of(self, path):
        return path.relative_to(self.root).as_posix()

    def page_of(self, path):
        return self.name_of(path)[:-3].replace("/", ".") + ".html"

    def home(self, tag):
        """The address of the formula's card."""
        return f"{self.page_of(self.formulas[tag].file)}#eq-{tag}"

    def linker(self, place):
        """A function that links a tag, for a page or cell that errors name."""
        def link(tag, text=None):
            if tag in self.formulas:
                return (f'<a class="cite" href="{self.home(tag)}">'
                        f'{text or f"({tag})"}</a>')
            if tag.split(".")[0] in self.ops:
                raise ValueError(f"{place} cites ({tag}), but no docstring states it")
            return None
        return link

    def files(self):
        pages = {path.stem + ".html": chapters.lesson(self, path)
                 for path in self.lessons}
        pages |= {self.page_of(path): self.source(path) for path in self.sources}
        pages |= {self.page_of(path): self.oracle(path) for path in self.checks}
        pages["index.html"] = chapters.contents(self)
        pages["equations.html"] = chapters.equations(self)
        files = {name: self.frame(name, body).encode() for name, body in pages.items()}
        font = base64.b64encode((ASSETS / "stix-two-math.woff2").read_bytes()).decode()
        style = (ASSETS / "book.css").read_text(encoding="utf-8")
        return files | self.figures | {
            "book.css": style.replace("FONT", font).encode(),
            "OFL.txt": (ASSETS / "OFL.txt").read_bytes()}

    def frame(self, name, body):
        """A whole page around its body: title, skip link, the way on and back."""
        names = [each for each in self.names if each != "equations.html"]
        at = names.index(name) if name in names else 0
        ways = [("index.html", "Contents"), ("equations.html", "Equations")]
        ways += [(names[k], f"{arrow} {self.names[names[k]]}")
                 for k, arrow in ((at - 1, "←"), (at + 1, "→"))
                 if name != "equations.html" and 0 < k < len(names)]
        links = "".join(
            f'<a href="{to}"{" aria-current=page" if to == name else ""}>'
            f"{html.escape(text)}</a>" for to, text in ways)
        wide = 'class="reader"' in body or name == "equations.html"
        return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{html.escape(self.names[name])} – numnet</title>
<link rel="stylesheet" href="book.css">
</head>
<body>
<a class="skip" href="#the-text">Skip to the text</a>
<nav class="top" aria-label="Book">{links}</nav>
<main id="the-text" class="{'wide' if wide else 'text'}">
{body}
</main>
</body>
</html>
"""

    def source(self, path):
        cards, marked = {}, {}
        for each in self.formulas.values():
            if each.file == path:
                cards.setdefault(each.lines[0][0], []).append(each)
                for number, _ in each.lines:
                    marked.setdefault(number, []).append(each)
        return self.read(path, cards, marked)

    def oracle(self, path):
        """An oracle's page: the formula beside the loops that say the same."""
        cards = {}
        for tag, (file, number) in self.oracles.items():
            if file == path and tag in self.formulas:
                cards.setdefault(number, []).append(self.formulas[tag])
        return self.read(path, cards, cards)

    def read(self, path, cards, marked):
        name = self.name_of(path)
        try:
            return reader.page(path.read_text(encoding="utf-8"), name, cards,
                               self.linker(name), marked)
        except ValueError as error:
            tags = [each.tag for found in cards.values() for each in found
                    if each.latex in str(error)]
            raise ValueError(": ".join([name, *tags[:1], str(error)])) from error


def _oracles(tests):
    """Where each tag's oracle stands: tag -> (file, line number); {} without tests."""
    if not (tests / "oracles" / "__init__.py").exists():
        return {}
    sys.path.insert(0, str(tests))
    try:
        found = importlib.import_module("oracles").ORACLES
    finally:
        sys.path.remove(str(tests))
    return {tag: (Path(oracle.__code__.co_filename), oracle.__code__.co_firstlineno)
            for tag, oracle in found.items()}
