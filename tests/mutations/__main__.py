"""Put bugs in copies of the package, one at a time, and see that the tests notice.

    python tests/mutations                       the catalogue: minutes
    python tests/mutations --only lin_db         what has this in its name
    python tests/mutations --check               is the catalogue up to date? at once
    python tests/mutations --all loss.py         small changes all over a file

Exit code 1 when a bug passes that must not, or more than 3 % of all.
"""

import argparse
import ast
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from catalogue import EQUIVALENT, FALLEN, TABLES
from patches import Stale, mutations
from running import EVERY_OP, ROOT, Bench, Selection
from small import small_changes

BAR = 0.97
TESTS = {                              # of a file, where not those named after it
    "data/text.py": ["tests/data/test_text.py"],
    "windows.py": ["tests/test_convolution.py"],
    "convolution.py": ["tests/test_convolution.py", "tests/test_winograd.py"],
    "metrics.py": ["tests/test_metrics.py", "tests/test_average_precision.py"],
    "loss.py": ["tests/test_loss.py", "tests/test_contrastive.py"],
    "normalization.py": ["tests/test_normalization.py", "tests/test_contrastive.py"]}
WORDS = {"windows.py": ["conv2d"], "winograd.py": ["winograd"],
         "module.py": ["apply", "Module", "Parameter", "Sequential", "load_state_dict"]}
PARITY = ["tests/test_parity_torch.py", "tests/test_parity_torch_layers.py",
          "tests/test_parity_torch_steps.py", "tests/test_parity_sklearn.py"]


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python tests/mutations", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--all", metavar="FILE")
    parser.add_argument("--most", type=int, default=100, metavar="N",
                        help="of --all: N of the changes, spread evenly")
    options = parser.parse_args(arguments)
    if options.all:
        chosen = small_changes(options.all, read(options.all), options.most)
    else:
        chosen = mutations(TABLES)
    if stale(chosen):
        return 1
    applied = {mutation.name.split(",")[0] for mutation in mutations(TABLES)}
    print(f"{len(chosen)} mutations; of the list's {len(applied | FALLEN.keys())} "
          f"{len(applied)} apply, {len(FALLEN)} fall away")
    if options.check:
        return 0
    chosen = [mutation for mutation in chosen if options.only in mutation.name]
    if not chosen:
        parser.error(f"no mutation has {options.only} in its name")
    return report(chosen, options.jobs)


def stale(chosen):
    """Print which mutations the code has left behind; whether there are any."""
    found = False
    for mutation in chosen:
        try:
            mutation.source(read(mutation.file))
        except Stale as complaint:
            print(complaint)
            found = True
    return found


def report(chosen, jobs):
    """Try mutations out, print a line for each and the totals."""
    start, killed, passed = time.perf_counter(), [], []
    with Bench() as bench, ThreadPoolExecutor(jobs) as pool:
        tests = [selection(each.file) for each in chosen]
        usual = list(pool.map(bench.unspoilt, set(tests)))
        print(f"{len(usual)} selections of tests pass without a mutation, in "
              f"{time.perf_counter() - start:.0f} s")
        tried = pool.map(try_out, [bench] * len(chosen), chosen, tests)
        for mutation, (result, note) in zip(chosen, tried):
            (killed if result.killed_by else passed).append(mutation)
            mark = "!" if mutation.must_die else " "
            print(f"{mark} {mutation.name:30} {result.seconds:5.1f} s  "
                  f"{result.killed_by or 'PASSED'}{note}", flush=True)
    unseen = [each for each in passed if each.name in EQUIVALENT]
    passed = [each for each in passed if each not in unseen]
    for name, why in EQUIVALENT.items():
        print(f"{name} cannot be seen: {why}")
    deadly = sum(each.must_die for each in killed)
    worst = [each.name for each in passed if each.must_die]
    share = len(killed) / max(1, len(killed) + len(passed))
    print(f"{len(killed)} of {len(killed) + len(passed)} killed ({share:.1%}), of "
          f"those that must die {deadly} of {deadly + len(worst)}, in "
          f"{time.perf_counter() - start:.0f} s; passed: "
          f"{', '.join(each.name for each in passed) or 'none'}")
    return int(bool(worst) or share < BAR)


def try_out(bench, mutation, tests):
    """What the tests say; where they pass, what those that need PyTorch say."""
    source = mutation.source(read(mutation.file))
    result = bench.try_out(mutation.file, source, tests)
    if result.killed_by:
        return result, ""
    parity = Selection(tuple(PARITY), tests.words)
    if bench.unspoilt(parity) is None:
        return result, ""
    beside = bench.try_out(mutation.file, source, parity)
    return result, f" but for {beside.killed_by}" if beside.killed_by else ""


def selection(file):
    """The tests that concern a file: those named after it, and of the tests of every
    op and of bad input those that name one of its ops, layers and functions.
    """
    stem = file.split("/")[-1][:-3]
    own = TESTS.get(file, [f"tests/test_{stem}.py"])
    names = [node.name for node in ast.parse(read(file)).body
             if isinstance(node, (ast.FunctionDef, ast.ClassDef))
             and not node.name.startswith("_")]
    words = [path.split("/")[-1][:-3] for path in own] + WORDS.get(file, names)
    return Selection((*own, *EVERY_OP), tuple(words))


def read(file):
    return (ROOT / "numnet" / file).read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
