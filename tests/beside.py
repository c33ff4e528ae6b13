"""Python commands that run beside the tests, one after the other, on another core.

As a program: it reads a JSON list of [name, arguments of Python, seconds] from one line
of its input, and runs each command strictly, on an old code page, in a new folder of
that name below its own. What came of it is then in NAME.json: the exit code, None where
it took longer, and what it printed. When its input ends, the tests have ended, however
they did, and it ends too.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

running = None


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)     # the tests are told, and end it
    jobs = json.loads(sys.stdin.readline())
    threading.Thread(target=end_with_the_tests, daemon=True).start()
    for name, arguments, seconds in jobs:
        Path(name).mkdir()
        half = Path(f"{name}.tmp")
        half.write_text(json.dumps(run(name, arguments, seconds)), encoding="utf-8")
        half.replace(f"{name}.json")


def end_with_the_tests():
    os.read(sys.stdin.fileno(), 1)
    if running:
        running.kill()
    os._exit(1)


def run(folder, arguments, seconds):
    global running
    with subprocess.Popen(
            [sys.executable, "-W", "error", *arguments], cwd=folder, encoding="cp1252",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONIOENCODING": "cp1252"}) as running:
        try:
            return *running.communicate(timeout=seconds), running.returncode
        except subprocess.TimeoutExpired:
            running.kill()
            return *running.communicate(), None


if __name__ == "__main__":
    main()
