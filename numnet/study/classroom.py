"""Lessons at the terminal: a list, one as a whole or cell by cell, a notebook."""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from numnet.checkpoint import write_text
from numnet.study import lessons

LESSONS = Path(__file__).parent.parent.parent / "lessons"


def main(arguments):
    """`numnet lesson`: run, list or export lessons. Returns the exit code."""
    found = {int(path.name[:2]): path
             for path in sorted(LESSONS.glob("[0-9][0-9]_*.py"))}
    if not found:
        raise FileNotFoundError("the lessons come with numnet's source, not with the "
                                f"installed package: there is no {LESSONS}")
    number = arguments.number
    if number is not None and number not in found:
        raise ValueError(f"lesson: there is no lesson {number}; there are "
                         + ", ".join(map(str, found)))
    if number is None:
        if arguments.step or arguments.notebook:
            raise ValueError("lesson: --step and --notebook need a lesson's number")
        for k, path in found.items():
            took = f"{seconds(path):6.1f} s  " if arguments.time else ""
            print(f"{k:3}  {took}{lessons.title(path)}")
    elif arguments.notebook:
        write_text(arguments.notebook, json.dumps(notebook(found[number]), indent=1))
    elif arguments.step:
        step(lessons.parse(found[number]), {"__name__": "__main__"})
    else:
        for ran in lessons.run(found[number], Path.cwd()):
            print(ran.output, end="")
    return 0


def seconds(path):
    """How long a lesson takes here, from its first to its last cell."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        lessons.run(path, folder)
    return time.perf_counter() - start


def step(cells, namespace):
    """Show each cell, run it when Enter is pressed, and leave at q or the end of input.
    """
    os.environ.setdefault("MPLBACKEND", "Agg")
    Path(lessons.FIGURES).mkdir(exist_ok=True)
    for cell in cells:
        print(f"\n{cell.text}")
        if cell.kind == "code":
            print("\nEnter runs it, q leaves > ", end="", flush=True)
            answer = sys.stdin.readline()
            if not answer or answer.strip() == "q":
                return
            exec(compile(cell.text, f"cell {cell.number}", "exec"), namespace)


def notebook(path):
    """A lesson as a Jupyter notebook (nbformat 4.5), a dict to be written as JSON."""
    cells = []
    for cell in lessons.parse(path):
        made = {"id": f"cell-{cell.number}", "cell_type": cell.kind, "metadata": {},
                "source": cell.text.splitlines(keepends=True)}
        if cell.kind == "code":
            made |= {"execution_count": None, "outputs": []}
        cells.append(made)
    return {"cells": cells, "nbformat": 4, "nbformat_minor": 5, "metadata": {
        "kernelspec": {"name": "python3", "display_name": "Python 3",
                       "language": "python"},
        "language_info": {"name": "python"}}}
