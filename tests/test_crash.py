"""Killed, out of room, not allowed to write: nothing that a run has learnt is lost.

NUMNET_KILLS says how often a training is killed at random moments, and how often at
its writes: 3 times each where it is not set.
"""

import json
import os
import re
import subprocess
import time

import numpy as np
import pytest
from test_checkpoint import archive, npy, unprivileged
from test_runs import (contents, go_on, kind, load_tiny, numbers, program, start,
                       stop_at)

from numnet import checkpoint, data, runs
from numnet.__main__ import main
from numnet.study import plots

KILLS = int(os.environ.get("NUMNET_KILLS", 3))
TRAIN = "train --data shapes --seed 6 --epochs 4 --out".split()
CONFIG = kind("answer", seed=6, epochs=4)                # the same
AIM = """
import atexit, os
import numpy as np
calls = 0
def aimed(call):                       # at the moment before each
    def wrapper(*arguments, **options):
        global calls
        calls += 1
        if calls == {moment}:
            os.kill(os.getpid(), 9)
        return call(*arguments, **options)
    return wrapper
os.fsync, os.replace = aimed(os.fsync), aimed(os.replace)
np.lib.format.write_array = aimed(np.lib.format.write_array)
atexit.register(lambda: print("moments", calls))
"""


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Few pictures, and none drawn."""
    monkeypatch.setattr(data, "load", load_tiny)
    monkeypatch.setattr(plots, "save", lambda figure, path: None)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing disturbed: its folder, its seconds, its moments of writing."""
    folder, begun = tmp_path_factory.mktemp("whole") / "run", time.perf_counter()
    with program(*TRAIN, folder, before=AIM.format(moment=0),
                 PYTHONHASHSEED="0") as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    return folder, time.perf_counter() - begun, int(out.split()[-1])


def begin(folder, before=""):
    """The command that starts a run, or goes on with one that has begun."""
    if (folder / "config.json").exists():
        return program("train", "--resume", folder, before=before)
    return program(*TRAIN, folder, before=before)


def epochs_kept(folder):
    """How many epochs a killed run has on disk; its weights must be readable too."""
    if not (folder / "checkpoint.npz").exists():
        return 0
    if (folder / "weights.npz").exists():
        runs.open_run(folder)
    return len(checkpoint.load(folder / "checkpoint.npz")["history.epoch"])


# ---- killed -------------------------------------------------------------------------

def test_a_run_killed_at_random_moments_ends_as_if_it_had_not_been(whole, tmp_path):
    undisturbed, seconds, _ = whole
    rng, kept = np.random.default_rng(6), []
    while len(kept) < KILLS:
        folder, finished, before = tmp_path / str(len(kept)), False, 0
        while not finished:                          # one run, killed again and again
            with begin(folder) as process:
                wait = rng.uniform(0, seconds) if len(kept) < KILLS else None
                try:
                    _, err = process.communicate(timeout=wait)
                    finished = True
                except subprocess.TimeoutExpired:
                    process.kill()
            if finished:
                assert process.returncode == 0, err
            else:
                kept.append(epochs_kept(folder))
                assert kept[-1] >= before            # an epoch once done stays done
                before = kept[-1]
        assert numbers(folder) == numbers(undisturbed)
        assert contents(folder).keys() == contents(undisturbed).keys()
    print(f"{len(kept)} kills at random moments; whole epochs on disk: {kept}")


def test_a_run_killed_at_any_of_its_writes_ends_as_if_it_had_not_been(whole, tmp_path):
    undisturbed, _, moments = whole
    chosen = np.random.default_rng(7).permutation(np.arange(1, moments + 1))[:KILLS]
    kept = []
    for moment in chosen:
        folder = tmp_path / str(moment)
        with begin(folder, AIM.format(moment=moment)) as process:
            process.communicate()
        assert process.returncode in (-9, 9)
        kept.append(epochs_kept(folder))
        if (folder / "config.json").exists():
            go_on(folder)
        else:
            start(folder, CONFIG)
        assert numbers(folder) == numbers(undisturbed)
        assert not checkpoint.leftovers(folder)
    print(f"{len(kept)} kills at {moments} writes; whole epochs on disk: {kept}")


def test_the_order_of_a_set_of_strings_changes_no_number(whole, tmp_path):
    for seed in "1", "2":
        with program(*TRAIN, tmp_path / seed, PYTHONHASHSEED=seed) as process:
            process.communicate()
        assert numbers(tmp_path / seed) == numbers(whole[0])


# ---- no room, not allowed -----------------------------------------------------------

@pytest.fixture
def parted(whole, tmp_path):
    """A run stopped after two epochs, which must be as it was, and go on to the end."""
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        start(folder, CONFIG, say=stop_at("epoch 2/"))
    before = contents(folder)
    yield folder
    assert contents(folder) == before
    go_on(folder)
    assert numbers(folder) == numbers(whole[0])


@pytest.mark.parametrize("name", ["weights.npz", "checkpoint.npz", "history.csv"])
def test_a_full_disk_is_one_line_and_loses_nothing(name, parted):
    pytest.importorskip("resource", reason="this system has no limit on file sizes")
    room = (parted / name).stat().st_size - 1
    limit = f"import resource as r; r.setrlimit(r.RLIMIT_FSIZE, ({room}, {room}))"
    with program("train", "--resume", parted, before=limit) as process:
        _, err = process.communicate()
    assert process.returncode == 2 and re.fullmatch("numnet: .*\n", err), err


@pytest.mark.skipif(os.name == "nt", reason="Windows lets a read-only folder be filled")
def test_a_read_only_folder_is_one_line_and_loses_nothing(parted, monkeypatch, capsys):
    monkeypatch.chdir(parted)
    parted.chmod(0o555)
    try:
        with unprivileged():
            code = main(["train", "--resume", "."])
    finally:
        parted.chmod(0o700)
    assert code == 2
    assert re.fullmatch(r"numnet: Permission denied: weights\.npz.*\n",
                        capsys.readouterr().err)


def test_a_file_where_the_folder_should_be_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert main(["train", "--resume", str(tmp_path / "file" / "run")]) == 2
    assert main([*TRAIN, str(tmp_path / "file" / "run")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert contents(tmp_path) == {"file": b"mine"}


# ---- numbers that are none ----------------------------------------------------------

def test_a_learning_rate_of_a_million_stops_with_its_reason_and_loses_nothing(
        parted, capsys):
    path = parted / "config.json"
    text = path.read_text("utf-8")
    path.write_text(json.dumps(json.loads(text) | {"lr": 1e6}), "utf-8")
    assert main(["train", "--resume", str(parted)]) == 2
    assert re.fullmatch(r"numnet: epoch 3, step \d: [\w ]*(loss|gradient) [\w ]+; "
                        r"a lower --lr may help\n", capsys.readouterr().err)
    path.write_text(text, "utf-8")


# ---- checkpoints made to harm -------------------------------------------------------

HARM = {
    "a history of 10^9 empty rows": (
        "history.epoch", npy(np.zeros(0), descr="<f8", shape=(10 ** 9, 0))),
    "a history of words": ("history.loss", npy(np.array(["a", "b"]))),
    "a history of another length": ("history.loss", npy(np.zeros(3))),
    "a history of more": ("history.more", npy(np.zeros(2))),
    "a weight of another shape": ("model.head.layers.2.b", npy(np.zeros(1))),
    "a velocity of another shape": ("optimizer.velocity.0", npy(np.zeros((2, 3)))),
    "a weight of another kind": ("model.head.layers.2.b", npy(np.full(13, "a"))),
    "a weight that is not the model's": ("model.more", npy()),
    "something else": ("extra", npy())}


@pytest.mark.parametrize("harm", HARM)
def test_a_checkpoint_made_to_harm_is_refused_by_name(harm, parted, capsys):
    path, (name, array) = parted / "checkpoint.npz", HARM[harm]
    whole = path.read_bytes()
    members = {f"{key}.npy": npy(value)
               for key, value in checkpoint.load(path).items()}
    path.write_bytes(archive(*(members | {f"{name}.npy": array}).items()))
    begun = time.process_time()
    assert main(["train", "--resume", str(parted)]) == 2
    assert time.process_time() - begun < 5
    assert re.fullmatch(r"numnet: .*checkpoint\.npz.*\n", capsys.readouterr().err)
    path.write_bytes(whole)


def test_what_a_killed_writer_left_is_removed_and_nothing_else(whole, tmp_path):
    left = [tmp_path / "checkpoint.npz.123.tmp", tmp_path / "config.json.4.tmp"]
    for path in left:
        path.write_text("half")
    assert sorted(checkpoint.leftovers(tmp_path)) == left
    start(tmp_path, CONFIG)
    assert numbers(tmp_path) == numbers(whole[0]) and not checkpoint.leftovers(tmp_path)
    mine = [tmp_path / "notes.tmp", tmp_path / "a.b.tmp"]
    for path in left + mine:
        path.write_text("half")
    go_on(tmp_path)
    assert [path.exists() for path in left + mine] == [False, False, True, True]
