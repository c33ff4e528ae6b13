"""Lessons: percent scripts, read into cells and run.

A lesson is a plain Python script in which `# %%` begins a cell of code and
`# %% [markdown]` a cell of text, whose lines are comments. Every reader of lessons
(the terminal, the notebook, the web book) takes its cells from here.
"""

import contextlib
import io
import os
import re
from dataclasses import dataclass
from pathlib import Path

MARK = re.compile(r"# %%(?P<text> \[markdown\])?(?P<title>.*)")
FIGURES = "figures"                                  # where a lesson writes its own


@dataclass(frozen=True)
class Cell:
    """A cell of a lesson: its number from 1, and the line where its text begins."""

    number: int
    kind: str                                        # "code" or "markdown"
    text: str
    line: int


@dataclass(frozen=True)
class Ran:
    """What a cell printed, and the figures it wrote: a dict from file name to bytes."""

    cell: Cell
    output: str = ""
    figures: dict = None


def parse(path):
    """The cells of a lesson, in order; cells without text are left out."""
    cells, kind, start, lines = [], "code", 1, []

    def close():
        body = "\n".join(lines)
        if kind == "markdown":
            body = re.sub(r"^# ?", "", body, flags=re.MULTILINE)
        if body.strip():
            blank = len(body) - len(body.lstrip("\n"))
            cells.append(Cell(len(cells) + 1, kind, body.strip("\n"), start + blank))

    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if mark := MARK.fullmatch(line.rstrip()):
            close()
            kind = "markdown" if mark["text"] else "code"
            start, lines = number + 1, []
        else:
            lines.append(line)
    close()
    return cells


def title(path):
    """A lesson's first heading, or else its file's name."""
    for cell in parse(path):
        if cell.kind == "markdown" and (heading := re.match("# (.*)", cell.text)):
            return heading[1]
    return path.stem.replace("_", " ")


def run(path, folder):
    """Run a lesson from top to bottom in a folder, and return a Ran for each cell.

    Figures are the PNG and SVG files that a cell writes below figures/ there. Raises
    ValueError naming the lesson and the cell where one raises.
    """
    os.environ.setdefault("MPLBACKEND", "Agg")       # no windows
    path, folder = Path(path).resolve(), Path(folder)
    (folder / FIGURES).mkdir(parents=True, exist_ok=True)
    namespace, ran = {"__name__": "__main__", "__file__": str(path)}, []
    with _inside(folder):
        for cell in parse(path):
            if cell.kind == "markdown":
                ran.append(Ran(cell, figures={}))
                continue
            before, printed = _figures(), io.StringIO()
            try:                                     # blank lines: errors tell the line
                code = compile("\n" * (cell.line - 1) + cell.text, str(path), "exec",
                               dont_inherit=True)
                with contextlib.redirect_stdout(printed):
                    exec(code, namespace)
            except Exception as error:
                what = f"{type(error).__name__}: {error}".rstrip(": ")
                raise ValueError(
                    f"{path.name}, cell {cell.number} (line {cell.line}): {what}"
                ) from error
            new = {name: data for name, data in _figures().items()
                   if before.get(name) != data}
            ran.append(Ran(cell, printed.getvalue(), new))
    return ran


@contextlib.contextmanager
def _inside(folder):
    """With the folder as the working directory."""
    home = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(home)


def _figures():
    return {file.relative_to(FIGURES).as_posix(): file.read_bytes()
            for file in sorted(Path(FIGURES).rglob("*"))
            if file.suffix in (".png", ".svg")}
