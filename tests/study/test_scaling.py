"""A training step in many processes beside PyTorch: what is compared, none of times."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from team import MPI, mpiexec

from numnet import parallel
from numnet.study.benchmark import scaling


def test_it_is_for_more_than_one_process(monkeypatch, capsys):
    monkeypatch.setattr(parallel, "assemble", lambda: parallel.ALONE)
    assert scaling.main([]) == 2
    assert "one process only: start it with mpiexec -n 2" in capsys.readouterr().err


def test_a_report_has_the_median_and_the_fastest_and_a_verdict():
    times = {"alone": np.array([0.04, 0.03]), "together": np.array([0.02, 0.02]),
             "PyTorch": np.array([0.025, 0.02]), "slow": np.array([0.02, 0.1])}
    assert list(scaling.report("a step", times, 3)) == [
        "a step: 40.00 (30.00) in 1 process, 20.00 (20.00) in 3, 2.00 (1.50) times as "
        "fast",
        "  PyTorch, 3 threads: 25.00 (20.00); numnet takes 0.80 (1.00) of it   "
        "at most 0.9   reached",
        "  slow, 3 threads: 20.00 (100.00); numnet takes 1.00 (0.20) of it   "
        "at most 0.9   falls short"]


@MPI
def test_both_steps_are_measured_with_the_same_losses(tmp_path):
    program = ("from numnet.study.benchmark import scaling; scaling.RUNS = 1; "
               "scaling.main(['--repeats', '1'])")
    with mpiexec(tmp_path, 2, "-c", program) as process:
        out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    for name in scaling.STEPS:
        assert len(re.findall(rf"^{name}: .+ in 1 process, .+ in 2, ", out,
                              re.MULTILINE)) == 1, out


def test_other_losses_are_no_measurement():
    class Comm:
        size, rank, bcast = 1, 0, staticmethod(lambda value: value)

        def Ibarrier(self):
            return SimpleNamespace(Test=lambda: True)

    sides = {"alone": lambda: 1.0, scaling.TOGETHER: lambda: 1.1}
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        scaling.measure(parallel.Team(Comm()), sides, 1)
