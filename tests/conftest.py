"""What takes long runs beside the other tests, which need one core of two.

The lessons, the README's commands, the book and what a browser measures in it are run
by beside.py, one after the other, and the tests that wait for them come last. Only what
the selected tests wait for is run.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from elsewhere import environment

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")   # more would wait for each other
TESTS = Path(__file__).parent
WAITING = "ran", "commands_ran", "book", "browser"   # fixtures, in the order of runs


def jobs(items):
    """What these tests wait for: name, what Python runs, seconds that it may take."""
    waited = {name for item in items for name in item.fixturenames}
    lessons = [item.callspec.params["lesson"] for item in items
               if "ran" in item.fixturenames]
    yield from ((lesson.name, [str(lesson)], 20) for lesson in lessons)
    if "commands_ran" in waited:
        yield "readme", [str(TESTS / "readme_commands.py")], 300
    if "book" in waited:
        yield "book", ["-m", "numnet", "book", "-o", "."], 300
    if "browser" in waited:
        yield "browser", [str(TESTS / "study" / "browser.py"), "../book"], 300


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: [name in item.fixturenames for name in WAITING[::-1]])


@pytest.fixture(scope="session", autouse=True)
def beside(request, tmp_path_factory):
    """A function that waits for a command, and gives its folder and what came of it."""
    wanted, folder = [*jobs(request.session.items)], tmp_path_factory.mktemp("beside")
    if not wanted:
        yield
        return
    with subprocess.Popen(
            [sys.executable, str(TESTS / "beside.py")], stdin=subprocess.PIPE,
            cwd=folder, encoding="utf-8", env=environment(MPLBACKEND="Agg")) as process:
        process.stdin.write(json.dumps(wanted) + "\n")
        process.stdin.flush()

        def wait(name):
            """The folder, and (printed, errors, exit code: None if it took longer)."""
            while True:
                ended = process.poll() is not None
                if (folder / f"{name}.json").exists():
                    text = (folder / f"{name}.json").read_text(encoding="utf-8")
                    return folder / name, json.loads(text)
                assert not ended, "beside.py, which runs it, has ended"
                time.sleep(0.05)

        yield wait
