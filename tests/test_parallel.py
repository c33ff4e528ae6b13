"""Many processes train one network: what they share, and how they end together."""

import os
import re
import signal
import sys
import threading
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from team import MPI, mpiexec, together
from test_runs import (KINDS, PROGRAM, few_scenes, kind, load_tiny, numbers, start,
                       stop_at)
from test_training import TRAIN, Wayward, learn, sgd, small, without_seconds

from numnet import checkpoint, data, parallel, recipes, runs
from numnet.__main__ import main
from numnet.parallel import ALONE, Team
from numnet.study import plots
from numnet.training import TrainingStopped, evaluate, train_step

SHARED = [name for name in KINDS if name != "match"]
SIZE, RANK = "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Few pictures, and none drawn; and mpiexec did not start this process."""
    monkeypatch.setattr(data, "load", load_tiny)
    monkeypatch.setattr(plots, "save", lambda figure, path: None)
    few_scenes(monkeypatch)
    for name in SIZE, RANK, "PMI_SIZE", "PMI_RANK":
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def slept(monkeypatch):
    """How long was waited, instead of waiting."""
    naps = []
    monkeypatch.setattr(parallel.time, "sleep", naps.append)
    return naps


def member(size, rank=0):
    return Team(SimpleNamespace(size=size, rank=rank))


# ---- the same as one process --------------------------------------------------------

@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_every_picture_of_a_batch_is_in_one_share_and_the_shares_are_alike(size):
    batch = np.array([7, 3, 9])
    shares = [batch[member(size, rank).part] for rank in range(size)]
    assert sorted(np.concatenate(shares)) == [3, 7, 9]
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert batch[ALONE.part].tolist() == [7, 3, 9]


@pytest.mark.parametrize("name, size", [("answer", 2), *((name, 5) for name in SHARED)])
def test_the_gradient_of_a_team_is_that_of_one_process(name, size):
    """On a batch of three pictures: of five processes, two have none."""
    config = recipes.complete(kind(name))
    train, *_ = recipes.examples(config)
    batch = train.batches(3, np.random.default_rng(0))[0]

    def step(team):
        model, task = recipes.build(config)
        for p in model.parameters():
            p.value = p.value.astype(np.float64)
        own, optimizer = batch[team.part], recipes.optimizer_of(config, model)
        inputs, label = train.batch(own) if len(own) else ({"images": TRAIN.images}, ())
        inputs["images"] = inputs["images"].astype(np.float64)
        loss, said = train_step(model, optimizer, inputs, label, 1e9, task, team)
        assert (said is None) == (len(own) == 0)
        return loss, [p.grad for p in model.parameters()]

    loss, expected = step(ALONE)
    longest = max(np.abs(dw).max() for dw in expected)
    for joined, gradients in together(size, step):
        assert joined == pytest.approx(loss, rel=1e-12)
        for dw, literal in zip(gradients, expected, strict=True):
            assert (dw.dtype, dw.shape) == (np.float64, literal.shape)
            assert np.abs(dw - literal).max() <= 1e-12 * longest


@pytest.mark.parametrize("size", [2, 3])
def test_the_first_losses_in_single_precision_are_those_of_one_process(size):
    def losses(team):
        model = small()
        optimizer, found = sgd(model), []
        for k in range(4):                           # 4 and then 1 picture of five
            own = TRAIN.batches(4)[k % 2][team.part]
            inputs, label = TRAIN.batch(own) if len(own) else ({}, ())
            found.append(train_step(model, optimizer, inputs, label, team=team)[0])
        return found

    alone = losses(ALONE)
    assert len(set(alone)) == 4
    for found in together(size, losses):
        assert found == pytest.approx(alone, rel=1e-6)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_the_history_of_a_team_is_that_of_one_process(size):
    def run(team):
        model = small()
        return learn(model, sgd(model), team=team)   # batches of 2, 2 and 1 pictures

    alone = without_seconds(run(ALONE))
    first, *others = map(without_seconds, together(size, run))
    assert all(other == first for other in others)
    for row, expected in zip(first, alone, strict=True):
        assert row == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("size", [2, 3, 7])
def test_a_team_evaluates_as_one_process_does(size):
    model = small()
    loss, said = evaluate(model, TRAIN, batch_size=2)
    for joined, read in together(size, lambda team: evaluate(
            model, TRAIN, batch_size=2, team=team)):
        assert joined == pytest.approx(loss, rel=1e-12)
        assert (read == said).all() and read.dtype == said.dtype


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_replicas_of_a_team_stay_alike_to_the_last_bit(optimizer):
    config = recipes.complete(kind("answer", optimizer=optimizer))
    train, validation, _ = recipes.examples(config)

    def weights(team):
        model, task = recipes.build(config)
        runs.fit(model, recipes.optimizer_of(config, model), train, validation,
                 epochs=2, batch_size=5, seed=0, task=task, team=team)
        return [p.value.tobytes() for p in model.parameters()]

    first, *others = together(3, weights)
    assert all(other == first for other in others)


def test_a_run_of_a_team_goes_on_as_if_it_had_not_been_stopped(tmp_path):
    config = kind("adam")

    def run(folder, say=lambda line: None):
        return together(2, lambda team: start(tmp_path / folder, config, team=team,
                                              say=say))

    one, other = run("whole")
    assert one == other and one["questions"] == 84
    assert isinstance(run("parted", stop_at("epoch 1/2"))[0], KeyboardInterrupt)
    together(2, lambda team: runs.go_on(tmp_path / "parted", lambda line: None, team))
    assert numbers(tmp_path / "parted") == numbers(tmp_path / "whole")


def test_an_ablation_of_a_team_is_written_once(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "start", lambda config, folder, say, team: team.first(
        lambda: {"test_accuracy": 0.5}))
    one, other = together(2, lambda team: runs.ablate(
        kind("answer"), tmp_path, print, team))
    assert one == other and set(one.values()) == {0.5}
    assert os.listdir(tmp_path) == ["ablation.json"]


# ---- what goes wrong in one, ends all -----------------------------------------------

@pytest.mark.parametrize("rank, scores, gradients, message", [
    (1, [1, np.nan], [], "step 2: the loss is nan"),
    (1, [], [1, np.inf], "step 2: the gradient is not finite, first in w"),
    (0, [1, 1, np.nan], [], "step 3: the loss is nan"),          # 1 has no share there
    (0, [1] * 3 + [np.nan], [], "step 3: after it the validation loss is nan")])
def test_numbers_that_are_not_finite_in_one_process_stop_all_alike(
        rank, scores, gradients, message):
    def run(team):
        wayward = team.comm.rank == rank
        model = Wayward(scores, gradients) if wayward else Wayward()
        optimizer = sgd(model)
        try:
            learn(model, optimizer, team=team, epochs=1, batch_size=2)
        except TrainingStopped as error:
            return str(error), model.w.value.tolist()

    first, *others = together(2, run)
    assert re.match("epoch 1, " + message, first[0]) and others == [first]


def test_what_is_no_mean_over_examples_is_not_shared_out(tmp_path):
    config = kind("match")
    for error in together(2, lambda team: start(tmp_path / "run", config, team=team)):
        assert str(error).startswith("--task match does not go with --parallel: ")
    assert not (tmp_path / "run").exists()
    start(tmp_path / "run", config)
    for error in together(2, lambda team: runs.go_on(tmp_path / "run", team=team)):
        assert str(error).startswith("--task match does not go with --parallel: ")


def test_processes_with_different_data_do_not_train(tmp_path, monkeypatch):
    here = threading.local()

    def load(name, seed):
        train, test = load_tiny(name)
        return train, test.of_images(np.arange(8 - here.rank))

    def run(team):
        here.rank = team.comm.rank
        return start(tmp_path, kind("answer"), team=team)

    monkeypatch.setattr(data, "load", load)
    for error in together(2, run):
        assert re.match("the processes have different data: .*, 7 pictures .*; .*, "
                        "8 pictures with 84 questions to test$", str(error))


def refused(capsys, *arguments):
    """The one line of a command that ends with 2."""
    capsys.readouterr()
    assert main(["train", "--data", "shapes", *map(str, arguments)]) == 2
    line, = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize("name", ["OMPI_COMM_WORLD", "PMI"])
def test_copies_of_a_run_that_mpiexec_started_are_refused(name, tmp_path, monkeypatch,
                                                          capsys):
    monkeypatch.setenv(f"{name}_SIZE", "3")
    monkeypatch.setenv(f"{name}_RANK", "0")
    line = refused(capsys, "--out", tmp_path / "run")
    assert line.startswith("numnet: mpiexec started 3 processes: with --parallel they")
    assert not (tmp_path / "run").exists()
    monkeypatch.setenv(f"{name}_SIZE", "1")
    assert main(["train", "--data", "shapes", "--epochs", "1", "--out",
                 str(tmp_path / "run")]) == 0


def test_without_mpi_it_is_said_how_to_install_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    line = refused(capsys, "--parallel", "--out", tmp_path / "run")
    assert 'needs mpi4py and Open MPI: pip install "numnet[mpi]"' in line
    assert not (tmp_path / "run").exists()


def pretend(monkeypatch, size):
    """An mpi4py that sees so many processes, and keeps the code it is ended with."""
    codes = []
    world = SimpleNamespace(size=size, rank=0, Abort=codes.append)
    module, MPI = ModuleType("mpi4py"), ModuleType("mpi4py.MPI")
    module.MPI, MPI.COMM_WORLD, MPI.Is_finalized = MPI, world, lambda: False
    monkeypatch.setitem(sys.modules, "mpi4py", module)
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", MPI)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    return codes


def test_an_mpi_that_mpiexec_does_not_know_is_refused(monkeypatch, capsys, tmp_path):
    pretend(monkeypatch, 1)
    monkeypatch.setenv(SIZE, "2")
    monkeypatch.setenv(RANK, "0")
    line = refused(capsys, "--parallel", "--out", tmp_path / "run")
    assert "started 2 processes, but mpi4py sees 1: they are of two different" in line
    assert not (tmp_path / "run").exists()


def test_one_process_is_a_team_of_its_own(monkeypatch, tmp_path):
    codes = pretend(monkeypatch, 1)
    assert parallel.assemble() is ALONE
    assert main(["train", "--data", "shapes", "--epochs", "1", "--parallel", "--out",
                 str(tmp_path)]) == 0 and not codes


def test_the_first_process_says_at_once_what_fails_and_ends_the_others(
        monkeypatch, capsys, slept, tmp_path):
    codes = pretend(monkeypatch, 2)
    line = refused(capsys, "--parallel", "--lr", "-1", "--out", tmp_path)
    assert "lr must be 0 or more" in line and codes == [2] and not slept


def test_another_process_gives_way_before_it_says_what_fails(monkeypatch, capsys,
                                                             slept):
    codes = pretend(monkeypatch, 3)
    for rank in 1, 2, 200:
        monkeypatch.setenv(SIZE, "300")
        monkeypatch.setenv(RANK, str(rank))
        assert parallel.fail("no such file") == 2
        assert re.match(rf"numnet: no such file \(process {rank} of 300, on .+\)\n$",
                        capsys.readouterr().err)
        with pytest.raises(SystemExit):
            main(["train", "--parallel", "--epochs", "0"])
        assert "must be a whole number, at least 1, got '0'" in capsys.readouterr().err
    assert codes == [2] * 3 and slept == [2.1, 2.1, 2.2, 2.2, 10, 10]


def test_a_fault_of_the_program_is_shown_and_ends_all(monkeypatch, capsys):
    codes = pretend(monkeypatch, 2)
    parallel.assemble()
    sys.excepthook(ValueError, ValueError("a fault"), None)
    assert codes == [1] and "ValueError: a fault" in capsys.readouterr().err


def test_threads_are_one_a_process_unless_the_environment_says_otherwise(monkeypatch):
    started = []
    monkeypatch.setattr(parallel.os, "name", "posix")
    monkeypatch.setattr(parallel.os, "execv", lambda *command: started.append(command))
    monkeypatch.setenv("OMPI_MCA_mpi_yield_when_idle", "0")
    for name in parallel.THREADS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "4")
    parallel.settle()
    assert not started and "OMP_NUM_THREADS" not in os.environ
    monkeypatch.delenv("MKL_NUM_THREADS")
    monkeypatch.setenv("OMP_NUM_THREADS", "9")       # so that it is taken back
    monkeypatch.delenv("OMP_NUM_THREADS")
    parallel.settle()
    assert started == [(sys.executable, [sys.executable, *sys.orig_argv[1:]])]
    assert os.environ.pop("OMP_NUM_THREADS") == "1"


# ---- with mpiexec -------------------------------------------------------------------

WHO = "import os; rank = os.environ['OMPI_COMM_WORLD_RANK']\n"
KEEP = """
from pathlib import Path
from numnet import runs
fit = runs.fit
def keep(model, *arguments, **options):
    history = fit(model, *arguments, **options)
    Path("rank" + rank).write_bytes(b"".join(p.value for p in model.parameters()))
    return history
runs.fit = keep
"""


def train(line, before=""):
    """The arguments of a process that trains on the tiny data, after other lines."""
    return ["-u", "-c", PROGRAM.format(before=WHO + before), "train", *line.split()]


@MPI
def test_processes_train_one_network_and_stay_alike(tmp_path):
    line = "--data shapes --epochs 2 --parallel --out three"
    with mpiexec(tmp_path, 3, *train(line, KEEP)) as process:
        out, err = process.communicate(timeout=100)
    assert process.returncode == 0 and not err
    assert [row.split()[0] for row in out.splitlines()] == [
        "shapes,", "epoch", "epoch", "test"]         # said once
    weights = [(tmp_path / f"rank{rank}").read_bytes() for rank in range(3)]
    assert weights[1:] == weights[:1] * 2
    start(tmp_path / "one", kind("answer"))
    three, one = [[float(text) for row in numbers(tmp_path / name)[1][1:]
                   for text in row] for name in ("three", "one")]
    assert three == pytest.approx(one, rel=1e-5)


@MPI
def test_when_a_process_is_killed_all_end_and_the_run_goes_on(tmp_path):
    line = "--data shapes --epochs 12 --parallel --out "
    tell = "with open(rank, 'w') as file: file.write(str(os.getpid()))"
    with mpiexec(tmp_path, 2, *train(line + "killed", tell)) as process:
        for text in process.stdout:
            if text.startswith("epoch 3/"):
                os.kill(int((tmp_path / "1").read_text("utf-8")), signal.SIGKILL)
        process.wait(timeout=60)
    assert process.returncode not in (0, 2)
    for rank in "0", "1":
        assert not alive(int((tmp_path / rank).read_text("utf-8")))
    history = checkpoint.load(tmp_path / "killed" / "checkpoint.npz")["history.epoch"]
    assert 3 <= len(history) < 12
    for more in "--resume killed --parallel", line + "whole":
        with mpiexec(tmp_path, 2, *train(more)) as process:
            process.communicate(timeout=100)
        assert process.returncode == 0
    assert numbers(tmp_path / "killed") == numbers(tmp_path / "whole")


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@MPI
@pytest.mark.parametrize("line, before, code, message", [
    ("", "", 2, "numnet: mpiexec started 2 processes: with --parallel they train one"),
    ("--parallel --lr 1e6", "", 2, r"numnet: epoch 1, step \d: .*; a lower --lr may"),
    ("--parallel", "if rank == '1': data.load = lambda *_: open('pictures')", 2,
     r"numnet: No such file or directory: pictures \(process 1 of 2, on .+\)"),
    ("--parallel", "if rank == '1': data.load = lambda *_: 1 / 0", 1,
     "ZeroDivisionError: division by zero")])
def test_what_ends_one_process_ends_all_with_one_message(line, before, code, message,
                                                         tmp_path):
    line = "--data shapes --out run " + line
    with mpiexec(tmp_path, 2, *train(line, before)) as process:
        out, err = process.communicate(timeout=100)
    assert process.returncode == code, err
    assert len(re.findall("numnet: |Error: ", err)) == 1, err    # mpiexec says more
    assert re.search(message, err), err
