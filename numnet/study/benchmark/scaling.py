"""A training step shared out over processes, beside PyTorch's with as many threads.

    mpiexec -n 2 --bind-to none python -m numnet.study.benchmark.scaling

The same batch in turns: by one process, by all of them, each with its share of the
pictures, and by PyTorch in the first process. While one process works alone the others
sleep, since to wait in MPI would take a core. All begin with the same weights, and the
losses of their first steps are compared before anything is timed.
"""

import argparse
import os
import sys
import time
from statistics import median

import numpy as np

from numnet import parallel
from numnet.data.examples import Examples
from numnet.models import fusion_classifier
from numnet.parallel import ALONE
from numnet.recipes import configure, optimizer_of
from numnet.study.benchmark import machine
from numnet.study.benchmark.steps import (ANSWERS, TWINS, Twin, batch_of_64,
                                          recipe_batch)
from numnet.study.benchmark.timing import PAUSE
from numnet.training import train_step

STEPS = {"step of the easy-VQA recipe": (recipe_batch, (16, 32)),
         "step of three convolutions, batch 64": (batch_of_64, (16, 32, 64))}
TOGETHER, LIMIT, RUNS = "together", 0.9, 8           # runs: in a turn
CONFIG = configure(data="easy-vqa", lr=1e-4)         # to stay near the first weights


def main(argv=None):
    """Measure both steps and print a row for each. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m numnet.study.benchmark.scaling", description=(
            "Time a training step in 1 and in N processes, and PyTorch's with N "
            "threads. Start it with mpiexec -n N --bind-to none."))
    parser.add_argument("--repeats", type=int, default=15, metavar="N",
                        help=f"turns of each, {RUNS} steps a turn")
    repeats = parser.parse_args(argv).repeats
    try:
        team = parallel.assemble()
        if team is ALONE:
            raise ValueError("there is one process only: start it with mpiexec -n 2, "
                             "or more")
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
        if 0 < cores < min(team.comm.size, os.cpu_count()):
            raise ValueError("each process is bound to a core, which PyTorch's threads "
                             "would have to share: start it with --bind-to none")
    except ValueError as error:
        return parallel.fail(error)
    torch = machine.torch_or_none(team.comm.size) if team.leads else None
    if team.leads:
        print(*machine.busy(), f"BLAS: {machine.blas()}, one thread a process",
              "milliseconds of a step: the median, and of the fastest", sep="\n")
    for name, (make_batch, channels) in STEPS.items():
        times = measure(team, sides_of(team, make_batch, channels, torch), repeats)
        if team.leads:
            print(*report(name, times, team.comm.size), sep="\n", flush=True)
    return 0


def sides_of(team, make_batch, channels, torch):
    """What takes turns: functions of no argument that do a step and return its loss.

    Where PyTorch is, in the first process alone, its twins are among them.
    """
    inputs, label, words = make_batch(np.random.default_rng(0))
    batch, pictures = Examples(**inputs, label=label), np.arange(len(inputs["images"]))

    def ours(team, pictures):
        model = fusion_classifier(words, len(ANSWERS), np.random.default_rng(1),
                                  channels=channels)
        optimizer, own = optimizer_of(CONFIG, model), batch.batch(pictures)
        return model, lambda: train_step(model, optimizer, *own, CONFIG.max_norm,
                                         team=team)[0]

    model, alone = ours(ALONE, pictures)
    _, together = ours(team, pictures[team.part])
    sides = {"alone": alone, TOGETHER: together}
    for name, last in TWINS.items() if torch else ():
        side = Twin(torch, model, last).side(inputs, label, optimizer_of(CONFIG, model),
                                             CONFIG.max_norm)
        sides[name] = lambda side=side: side.run()[0]
    return sides


def measure(team, sides, repeats):
    """Seconds of a step of each side, as the first process saw them: median, least."""
    names = team.first(lambda: list(sides))
    losses = {name: turn(team, name, sides, 1)[1] for name in names}
    if team.leads:
        np.testing.assert_allclose(list(losses.values()), losses["alone"], rtol=1e-4)
    times = {name: [] for name in names}
    for _ in range(repeats):
        for name in names:
            turn(team, name, sides, 1)               # it finds the caches cold
            times[name] += turn(team, name, sides, RUNS)[0]
    return {name: np.array([median(each), min(each)]) for name, each in times.items()}


def turn(team, name, sides, runs):
    """Seconds of each step in some runs of one side, and the last loss."""
    sleep_until_all_are_here(team)
    time.sleep(PAUSE)                                # an idle worker thread spins
    seconds, loss = [0.0], None
    if team.leads or name == TOGETHER:
        starts = [time.perf_counter()]
        for _ in range(runs):
            loss = sides[name]()
            starts.append(time.perf_counter())
        seconds = np.diff(starts).tolist()
    sleep_until_all_are_here(team)
    return seconds, loss


def sleep_until_all_are_here(team):
    here = team.comm.Ibarrier()
    while not here.Test():
        time.sleep(0.001)


def report(name, times, size):
    """Lines about one step: milliseconds, and how many times those of another."""
    times = dict(times)
    alone, together = times.pop("alone"), times.pop(TOGETHER)
    yield (f"{name}: {both(1e3 * alone)} in 1 process, {both(1e3 * together)} in {size}"
           f", {both(alone / together)} times as fast")
    for other, seconds in times.items():
        ratio = together / seconds
        verdict = "reached" if ratio[0] <= LIMIT else "falls short"
        yield (f"  {other}, {size} threads: {both(1e3 * seconds)}; numnet takes "
               f"{both(ratio)} of it   at most {LIMIT}   {verdict}")


def both(pair):
    return f"{pair[0]:.2f} ({pair[1]:.2f})"


if __name__ == "__main__":
    sys.exit(main())
