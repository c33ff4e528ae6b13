"""Run a reader's file in a process of its own, which may loop, exit or crash."""

import faulthandler
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path

from numnet.study import exercises
from numnet.study.attempt import Attempt, Complaint, attempt, line, load
from numnet.study.formulas import NETWORK
from numnet.study.trials import trials

SECONDS = 5                                          # for the file's own work
STARTING = 30                                        # for Python itself, at most


def attempts(exercise, path, seconds=SECONDS):
    """Run a file on every trial. Returns a list of Attempts, and what it printed.

    Raises Complaint where there is no op to try, or the process does not come back.
    """
    path = Path(path).resolve()
    text = path.read_bytes()
    with tempfile.TemporaryDirectory() as folder:    # where it runs, too
        answer, trace = Path(folder, "answer.json"), Path(folder, "trace.txt")
        code, printed = _run(
            ["-m", __name__, exercises.name_of(exercise), str(path), str(answer),
             str(trace), str(seconds)], folder, seconds)
        told = answer.read_text(encoding="utf-8") if answer.exists() else ""
        trace = trace.read_text(encoding="utf-8") if trace.exists() else ""
    if not path.exists():
        path.write_bytes(text)
        raise Complaint(f"{path.name} removed itself while it ran; it is back")
    if told:
        told = json.loads(told)
        if "complaint" in told:
            raise Complaint(told["complaint"], printed)
        return [Attempt(**each) for each in told["attempts"]], printed
    shown = str(path).encode("ascii", "backslashreplace").decode()
    found = re.search(rf'File "{re.escape(shown)}", line (\d+)', trace)
    where = f" in {line(path, int(found[1]))}" if found else ""
    if code is None or "Timeout" in trace:
        raise Complaint(f"{path.name} was stopped after {seconds} seconds{where}: "
                        "does a loop never end?", printed)
    if found:
        raise Complaint(f"{path.name} makes Python itself crash{where}", printed)
    last = printed.strip().rpartition("\n")[2]
    raise Complaint(f"{path.name} ends Python by force (exit code {code}): does it "
                    "exit, or replace what Python needs?"
                    + f" It said: {last}" * bool(last))


def _run(arguments, folder, seconds):
    """Run Python in a folder: its exit code, None if it was stopped, and its output."""
    kept = []

    def drain():                                     # it may print for ever
        for each in iter(lambda: process.stdout.readline(200), b""):
            if len(kept) < 100:
                kept.append(each)

    paths = filter(None, [str(NETWORK.parent), os.environ.get("PYTHONPATH")])
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(paths), "PYTHONIOENCODING": "utf-8",
        "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-u", "-B", *arguments], cwd=folder, env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    reader = threading.Thread(target=drain, daemon=True)
    reader.start()
    try:
        code = process.wait(STARTING + seconds)
    except subprocess.TimeoutExpired:
        code = None
    finally:
        process.kill()
        process.wait()
    reader.join(1)
    process.stdout.close()
    return code, b"".join(kept).decode("utf-8", "replace")


def main(name, path, answer, trace, seconds):
    """In the process of its own: run the file, and write down what came of it."""
    exercise = exercises.load(name)
    examples = trials(exercise)                      # before the file can meddle
    dumps, write, leave, told = json.dumps, Path(answer).write_text, os._exit, {}
    with open(trace, "w", encoding="utf-8") as file:
        faulthandler.enable(file)
        faulthandler.dump_traceback_later(float(seconds), exit=True, file=file)
        try:
            op = load(path, name)
            told["attempts"] = [asdict(attempt(op, each, path)) for each in examples]
        except Complaint as complaint:
            told = {"complaint": str(complaint)}
        write(dumps(told), encoding="utf-8")
        leave(0)                                     # whatever threads it has left


if __name__ == "__main__":
    main(*sys.argv[1:])
