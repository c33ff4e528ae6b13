"""The lessons take a minute: they run beside the other tests, on another core."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")   # more would wait for each other
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session", autouse=True)
def lessons_run(request, tmp_path_factory):
    """A dict from each lesson that a test waits for to the Future of its run."""
    lessons = [item.callspec.params["lesson"] for item in request.session.items
               if "ran" in item.fixturenames]
    pool = ThreadPoolExecutor(1)
    yield {lesson: pool.submit(run, lesson, tmp_path_factory.mktemp("lesson"))
           for lesson in lessons}
    pool.shutdown(cancel_futures=True)


def run(lesson, folder, seconds=20):
    """Run a lesson as a script in a folder, strictly, on an old code page.

    Returns the folder and the finished process, None where it took longer.
    """
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"MPLBACKEND": "Agg", "PYTHONIOENCODING": "cp1252",
                                "PYTHONPATH": os.pathsep.join(paths)}
    try:
        return folder, subprocess.run(
            [sys.executable, "-W", "error", str(lesson)], cwd=folder, env=environment,
            timeout=seconds, capture_output=True, encoding="cp1252")
    except subprocess.TimeoutExpired:
        return folder, None
