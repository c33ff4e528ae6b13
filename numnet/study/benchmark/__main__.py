"""The command: python -m numnet.study.benchmark."""

import argparse
import csv
import importlib
import io
import json
import subprocess
import sys
from dataclasses import astuple
from pathlib import Path

from numnet import checkpoint
from numnet.study.benchmark import machine
from numnet.study.benchmark.timing import Mismatch

KINDS = {                          # what else can be measured, by files of this name
    "memory": "megabytes that each op needs beyond what it is given and gives back",
    "growth": "slopes of time against batch, picture, steps, channels, vocabulary",
    "recipe": "train easy-VQA's recipe here and in PyTorch: seconds and accuracy",
    "peer": "beside numpy-ml, where that is installed",
}


def main(argv=None):
    """Measure, each setting in a process of its own. Returns the exit code."""
    arguments = parse(argv)
    kind = importlib.import_module(f"numnet.study.benchmark.{arguments.kind}")
    sys.stdout.reconfigure(errors="backslashreplace")    # × on any code page
    if arguments.here:
        return measure_here(kind, arguments)
    settings = machine.settings(arguments.threads, arguments.equal_isa,
                                arguments.cpu_time)
    if arguments.kind == "memory":
        settings = [machine.Setting(1, "returned")]
    elif arguments.kind != "ops" or arguments.quick:
        settings = settings[:1]
    for text in machine.busy() if arguments.kind != "memory" else ():
        print(text)
    rows = []
    for setting in settings:
        print(kind.HEAD)
        rows += in_child(setting, arguments)
        print()
    for text in kind.conclude(rows):
        print(text)
    if arguments.csv:
        write_csv(arguments.csv, rows)
    if arguments.figure:
        try:
            kind.figure(rows, arguments.figure)
        except ValueError as error:                  # nothing to draw
            print(f"benchmark: {error}", file=sys.stderr)
            return 2
    return 0


def write_csv(path, rows):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    checkpoint.write_text(path, text.getvalue())


def measure_here(kind, arguments):
    """Measure in this very process; the last line that it prints has the rows."""
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
    setting = machine.Setting(*json.loads(arguments.here))
    try:
        print(json.dumps(kind.measure(setting, arguments.only, arguments.repeats,
                                      print)))
        return 0
    except (Mismatch, ValueError) as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 1 if isinstance(error, Mismatch) else 2


def in_child(setting, arguments):
    """The rows measured in a process with this setting; its other lines are shown."""
    command = [sys.executable, "-m", "numnet.study.benchmark",
               "--here", json.dumps(astuple(setting)),
               "--only", arguments.only, "--repeats", str(arguments.repeats)]
    if arguments.kind != "ops":
        command.append(f"--{arguments.kind}")
    rows = []
    with subprocess.Popen(command, env=setting.environment(), stdout=subprocess.PIPE,
                          text=True, encoding="utf-8") as child:
        for text in child.stdout:
            if text.startswith("[{"):
                rows = json.loads(text)
            else:
                print(text, end="", flush=True)
    if child.returncode:
        sys.exit(child.returncode)
    return rows


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m numnet.study.benchmark", description=(
            "Time numnet's ops and training steps beside PyTorch's (where it is "
            "installed), in turns. A ratio is numnet / PyTorch: below 1 numnet is the "
            "faster."))
    kinds = parser.add_mutually_exclusive_group()
    for name, text in KINDS.items():
        kinds.add_argument(f"--{name}", dest="kind", action="store_const", const=name,
                           default="ops", help=f"instead: {text}")
    parser.add_argument("--only", default="", metavar="TEXT",
                        help="what has this text in its name")
    parser.add_argument("--quick", action="store_true",
                        help="the first setting alone: fewest threads, malloc as it is")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], metavar="N")
    parser.add_argument("--cpu-time", action="store_true",
                        help="take the processor's time, for a machine that others "
                             "use: one thread alone")
    parser.add_argument("--equal-isa", action="store_true",
                        help="also with both sides held to AVX2 instructions")
    parser.add_argument("--repeats", type=int, default=15, metavar="N",
                        help="turns of each side, of which the median is taken")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write all numbers")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw them")
    parser.add_argument("--here", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.repeats < 1 or min(arguments.threads) < 1:
        parser.error("--repeats and --threads must be at least 1")
    if arguments.cpu_time:
        arguments.threads = [1]
    if arguments.figure and arguments.kind not in ("ops", "growth"):
        parser.error(f"--{arguments.kind} draws no figure")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
