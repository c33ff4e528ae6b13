"""The command: python -m numnet.study.benchmark."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from numnet.study.benchmark import machine, report
from numnet.study.benchmark.cases import every
from numnet.study.benchmark.timing import Mismatch, expect_same, turns


def measure(setting, cases, repeats, say):
    """The rows of some cases, measured in this process. say: takes lines of text."""
    torch = machine.torch_or_none(setting.threads)
    peaks = machine.peaks(torch)
    for text in machine.describe(setting, torch, peaks):
        say(text)
    rows = []
    for case in cases:
        for dtype in np.float64, np.float32:
            sides = case.sides(np.random.default_rng(0), dtype, torch)
            expect_same(case.name, sides, dtype)
        rows.append(report.row_of(setting, case, turns(sides, repeats),
                                  peaks["gflops"]))
        say(report.line(rows[-1]))
    return rows


def in_child(setting, arguments):
    """The rows measured in a process with this setting; its other lines are shown."""
    command = [sys.executable, "-m", "numnet.study.benchmark", "--here", json.dumps(
        [setting.threads, setting.malloc, setting.isa]),
        "--only", arguments.only, "--repeats", str(arguments.repeats)]
    rows = None
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


def chosen(pattern):
    """The cases whose name holds the pattern. Raises ValueError where none does."""
    cases = [case for case in every() if pattern in case.name]
    if not cases:
        raise ValueError(f"--only: no case has {pattern!r} in its name: "
                         + "; ".join(case.name for case in every()))
    return cases


def main(argv=None):
    arguments = parse(argv)
    try:
        cases = chosen(arguments.only)
        if arguments.here:
            setting = machine.Setting(*json.loads(arguments.here))
            sys.stdout.reconfigure(encoding="utf-8", line_buffering=True)
            print(json.dumps(measure(setting, cases, arguments.repeats, print)))
            return 0
    except Mismatch as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 2
    rows = []
    settings = machine.settings(arguments.threads, arguments.equal_isa)
    for setting in settings[:1] if arguments.quick else settings:
        print(report.HEAD)
        rows += in_child(setting, arguments)
        print()
    for text in report.judged(rows):
        print(text)
    if arguments.csv:
        report.write_csv(arguments.csv, report.FIELDS, rows)
    if arguments.figure:
        report.figure(rows, arguments.figure)
    return 0


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="python -m numnet.study.benchmark", description=(
            "Time numnet beside PyTorch (where it is installed), in turns. Ratios are "
            "numnet / PyTorch: below 1 numnet is faster."))
    parser.add_argument("--only", default="", metavar="TEXT",
                        help="the cases whose name holds this text")
    parser.add_argument("--repeats", type=int, default=15, metavar="N",
                        help="turns of each side")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], metavar="N")
    parser.add_argument("--quick", action="store_true",
                        help="one setting alone: the first of the table")
    parser.add_argument("--equal-isa", action="store_true",
                        help="also with both sides held to AVX2")
    parser.add_argument("--csv", type=Path, metavar="FILE")
    parser.add_argument("--figure", type=Path, metavar="FILE")
    parser.add_argument("--here", help=argparse.SUPPRESS)    # in this very process
    arguments = parser.parse_args(argv)
    if arguments.repeats < 1 or min(arguments.threads) < 1:
        parser.error("--repeats and --threads must be at least 1")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
