"""Tests run on a copy of the package that has a bug in it; here nothing changes."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ["numnet", "tests", "setup.cfg", "README.md"]
EVERY_OP = ["tests/test_formulas.py", "tests/study/test_gradcheck.py",
            "tests/test_manners.py", "tests/test_bad_input.py"]


class Selection(NamedTuple):
    """Tests: the files to read, and words of which one must be in a test's name."""

    files: tuple
    words: tuple


class Result(NamedTuple):
    killed_by: str                     # "" where the tests pass
    seconds: float


class Bench:
    """A directory with a copy of what tests need, and runs of tests in copies of it.

    Before a mutant's tests count for anything, the same tests must pass without it:
    that is run once for each selection, and gives the time limit.
    """

    def __init__(self):
        self.work = Path(tempfile.mkdtemp(prefix="mutations"))
        self.plain = self.work / "plain"
        self.plain.mkdir()
        self.passed = {}
        for name in NEEDED:
            copy(ROOT / name, self.plain / name)

    def __enter__(self):
        where = self._python(self.plain, "-c", "import numnet; print(numnet.__file__)")
        assert Path(where.stdout.strip()).is_relative_to(self.plain), where
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.work)

    def unspoilt(self, selection):
        """The seconds of a selection of tests, which must pass; None for none."""
        if selection not in self.passed:
            result, code = self._tests(self.plain, selection, 600)
            if result.killed_by and code != 5:
                raise SystemExit(f"without a mutation, {result.killed_by} fails")
            self.passed[selection] = None if code == 5 else result.seconds
        return self.passed[selection]

    def try_out(self, file, source, selection):
        """What the tests say of the package with this source for a file."""
        usual = self.unspoilt(selection)
        where = Path(tempfile.mkdtemp(dir=self.work))
        try:
            copy(self.plain, where, dirs_exist_ok=True)
            path = where / "numnet" / file
            path.write_text(source, encoding="utf-8")
            for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
                compiled.unlink()      # it may be as old and as long as the new source
            return self._tests(where, selection, 30 + 5 * usual)[0]
        finally:
            shutil.rmtree(where)

    def _tests(self, where, selection, limit):
        start = time.perf_counter()
        try:
            done = self._python(
                where, "-m", "pytest", "-x", "-q", "--tb=no", "-rfE", "-p",
                "no:cacheprovider", "-k", " or ".join(selection.words),
                *selection.files, timeout=limit)
        except subprocess.TimeoutExpired:
            return Result(f"the time limit of {limit:.0f} s", limit), None
        seconds, code = time.perf_counter() - start, done.returncode
        if code == 0:
            return Result("", seconds), code
        named = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", done.stdout, re.M)
        by = named[1] if named else f"pytest, code {code}: {done.stdout}{done.stderr}"
        return Result(by, seconds), code

    def _python(self, where, *arguments, timeout=60):
        spoilt = where != self.plain
        environment = {**os.environ, "PYTHONPATH": str(where), "MPLBACKEND": "Agg",
                       "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
                       **({"PYTHONDONTWRITEBYTECODE": "1"} if spoilt else {})}
        return subprocess.run(
            [sys.executable, *arguments], cwd=where, env=environment, timeout=timeout,
            capture_output=True, encoding="utf-8", errors="replace")


def copy(source, target, **options):
    if source.is_dir():
        shutil.copytree(source, target, **options)
    else:
        shutil.copy2(source, target)
