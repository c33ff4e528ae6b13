"""What the benchmark compares, and that it compares before it times. No times."""

import csv
import itertools
import json
import platform

import numpy as np
import pytest

from numnet.study.benchmark import __main__ as command
from numnet.study.benchmark import cases, machine, ops, steps, timing
from numnet.study.benchmark.timing import Mismatch, Side, expect_same

SETTING = machine.Setting()
CONVOLUTIONS = [                       # n, c, h, w, o, kernel, stride, padding
    (32, 3, 64, 64, 16, 3, 1, 1), (32, 16, 32, 32, 32, 3, 1, 1),
    (32, 32, 16, 16, 64, 3, 1, 1), (8, 64, 56, 56, 64, 3, 1, 1),
    (32, 3, 128, 128, 32, 3, 1, 0), (32, 32, 63, 63, 64, 3, 1, 0),
    (32, 64, 30, 30, 128, 3, 1, 0), (32, 16, 32, 32, 32, 3, 2, 1),
    (32, 64, 16, 16, 64, 1, 1, 0), (64, 1, 28, 28, 8, 5, 1, 0)]
RECURRENT = [(64, 9, 32, 64), (64, 50, 64, 128), (32, 128, 256, 256)]
ATTENTION = [(64, 9, 64, 4), (32, 64, 128, 8), (8, 256, 256, 8), (4, 512, 512, 8)]


def side(y, gradient, log=None, name=None):
    """A side that gives these numbers, and writes down when it is run."""
    def run():
        if log is not None:
            log.append(name)
        return y, lambda: gradient
    return Side(run)


def case_of(sides, group="made up"):
    return cases.Case(group, (), lambda rng, dtype, torch: {
        name: side(*(each.astype(dtype) for each in arrays))
        for name, arrays in sides.items()})


@pytest.fixture
def alone(monkeypatch):
    """As where PyTorch is not installed."""
    monkeypatch.setattr(machine, "torch_or_none", lambda threads=None: None)


def test_every_op_that_is_to_be_compared_is_there_in_its_sizes():
    found = {}
    for case in cases.op_cases():
        found.setdefault(case.group.split()[0], []).append(case.sizes)
    assert found["conv2d"] == CONVOLUTIONS
    assert found["rnn"] == found["lstm"] == RECURRENT
    assert found["attention"] == ATTENTION
    assert {"max_pool2d", "embedding", "layer_norm", "cross_entropy", "Adam"} < set(
        found)
    assert [case.name for case in steps.STEPS] == [
        "step of the easy-VQA recipe", "step of three convolutions, batch 64"]


def test_what_is_judged_is_timed():
    groups = {case.group for case in [*cases.op_cases(), *steps.STEPS]}
    assert {target[0] for target in ops.TARGETS} <= groups
    judged = [case.sizes for case in cases.op_cases() if case.group == "conv2d 3×3"]
    assert judged == [sizes for sizes in CONVOLUTIONS
                      if sizes[1] >= 16 and sizes[5:7] == (3, 1)]


def test_a_picture_of_the_data_gets_no_gradient_and_the_table_says_so():
    for case in cases.op_cases():
        if case.group.startswith("conv2d"):
            arrays = timing.computed(case.small(np.random.default_rng(0), np.float32)
                                     ["numnet"])
            images = case.sizes[1] <= 3
            assert len(arrays) == (3 if images else 4)
            assert case.name.endswith(" no dx") == images


@pytest.mark.parametrize("case", cases.op_cases(), ids=lambda case: case.name)
def test_each_op_is_the_same_here_and_in_pytorch(case):
    torch = pytest.importorskip("torch")
    sides = case.small(np.random.default_rng(1), np.float64, torch)
    assert list(sides)[:2] == ["numnet", "PyTorch"]
    expect_same(case.name, sides, np.float64)


@pytest.mark.parametrize("case", steps.STEPS, ids=lambda case: case.name)
def test_each_step_is_the_same_here_and_in_pytorch(case):
    torch = pytest.importorskip("torch")
    sides = case.sides(np.random.default_rng(1), np.float64, torch)
    expect_same(case.name, sides, np.float64)
    loss, *arrays = timing.computed(sides["numnet"])
    assert loss.shape == () and len(arrays) % 2 == 0
    assert all(np.abs(grad).max() > 0 for grad in arrays[:len(arrays) // 2])


def test_a_twin_refuses_a_network_that_it_cannot_copy():
    torch = pytest.importorskip("torch")
    inputs, _, words = steps.recipe_batch(np.random.default_rng(0))
    model = steps.fusion_classifier(words, 3, np.random.default_rng(0), pool="flatten")
    with pytest.raises(TypeError, match="flatten"):
        steps.Twin(torch, model)


Y, DX = np.arange(6.0).reshape(2, 3), np.ones((2, 3))
WRONG = {                              # a value, a gradient, a shape, a NaN, a dtype
    "value": (Y + 1e-3, DX), "gradient": (Y, DX * (1 + 1e-5)), "shape": (Y, DX[:1]),
    "a gradient that is not there": (Y, ()), "NaN": (Y, DX * np.nan)}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_found(what):
    right, wrong = side(Y, DX), side(*WRONG[what])
    expect_same("case", {"numnet": right, "PyTorch": side(Y + 1e-12, DX)}, np.float64)
    with pytest.raises(Mismatch, match="^case: .*numnet.*PyTorch"):
        expect_same("case", {"numnet": wrong, "PyTorch": right}, np.float64)


def test_a_dtype_that_crept_in_is_found():
    with pytest.raises(Mismatch, match="case: numnet gives float64, not float32"):
        expect_same("case", {"numnet": side(Y.astype(np.float32), DX)}, np.float32)


def test_a_wrong_gradient_is_never_timed(monkeypatch, capsys):
    sides = {"numnet": (Y, DX), "PyTorch": (Y, 2 * DX)}
    monkeypatch.setattr(cases, "op_cases", lambda: [case_of(sides)])
    monkeypatch.setattr(ops, "turns", lambda *a: pytest.fail("timed"))
    monkeypatch.setattr(machine, "peaks", lambda torch, clock: {
        "gflops": 1, "bandwidth": 1, "torch_gflops": 1})
    here = json.dumps([1, "default", "as set"])
    assert command.main(["--here", here, "--only", "made up"]) == 1
    found = capsys.readouterr()
    assert "made up: array 1 of numnet and PyTorch differs by 1" in found.err
    assert "[{" not in found.out


def test_sides_take_turns_and_each_has_the_median_of_its_runs(monkeypatch):
    monkeypatch.setattr(timing, "PAUSE", 0)
    monkeypatch.setattr(timing, "TURN", 0)
    log, ticks = [], itertools.count()
    sides = {name: side(Y, DX, log, name) for name in "ab"}
    found = timing.turns(sides, repeats=3, clock=lambda: next(ticks))
    assert "".join(log) == "ab" + "ab" * 3           # one run each to see how long
    assert found == {"a": (1, 1, 3), "b": (1, 1, 3)}  # of a clock that ticks when read


def test_short_runs_fill_a_turn_whose_first_run_does_not_count(monkeypatch):
    monkeypatch.setattr(timing, "PAUSE", 0)
    monkeypatch.setattr(timing, "once", lambda side, clock=None: (
        side.run(), (0.002, 0.003, 0.005))[1])
    log = []
    timing.turns({"a": side(Y, DX, log, "a"), "b": side(Y, DX, log, "b")}, repeats=2)
    assert "".join(log) == "ab" + 2 * (5 * "a" + 5 * "b")   # 0.02 s: four, and one


def test_a_row_has_the_ratios_and_the_share_of_the_peak():
    case = cases.Case("conv2d", (2, 3), None, products=3_000_000_000)
    row = ops.row_of(SETTING, case, {
        "numnet": (0.1, 0.2, 0.3), "PyTorch": (0.2, 0.1, 0.3),
        "PyTorch, channels last": (0.05, 0.1, 0.15)}, gflops=40)
    assert tuple(row) == ops.FIELDS and row["case"] == "conv2d (2, 3)"
    assert row["numnet_ms"] == row["pytorch_ms"] == pytest.approx(300)
    assert [row[name] for name in ops.FIELDS[-5:]] == pytest.approx(
        [0.5, 2, 1, 2, 20 / 40])
    for cell in "0.50", "2.00", "1.00", "50%":
        assert cell in ops.line(row)


def test_without_pytorch_there_is_a_table_and_it_says_so(alone, monkeypatch):
    monkeypatch.setattr(timing, "PAUSE", 0)
    lines = []
    row, = ops.measure(SETTING, "rnn (64, 9, 32", 1, lines.append)
    assert any("PyTorch is not installed" in text for text in lines)
    assert row["pytorch_ms"] is row["ratio"] is None and row["numnet_ms"] > 0
    assert row["share_of_peak"] > 0 and "·" in lines[-1]
    assert list(ops.conclude([row])) == []


def rows_of(ratios, group, **setting):
    setting = {"threads": 1, "malloc": "default", "isa": "as set"} | setting
    return [dict.fromkeys(ops.FIELDS) | setting | {
        "group": group, "case": f"{group} {k}", "ratio": ratio}
        for k, ratio in enumerate(ratios)]


def test_what_was_reached_is_judged_on_one_thread_with_malloc_as_it_is():
    rows = [*rows_of([0.5, 2.0], "conv2d 3×3"), *rows_of([0.7, 0.9], "rnn"),
            *rows_of([9.0], "rnn", threads=2), *rows_of([9.0], "lstm", malloc="kept"),
            *rows_of([0.8], "conv2d 3×3", isa="AVX2")]
    rows[0]["ratio_channels_last"] = 3.0
    *table, nothing, a, b, c, d = [" ".join(text.split())
                                   for text in ops.conclude(rows)]
    assert nothing == "" and [a, b, c, d] == [
        "conv2d 3×3 geometric mean of 2 1.00 at most 1.30 reached",
        "conv2d 3×3 largest of 2 2.00 at most 1.70 falls short",
        "conv2d 3×3, both AVX2 alone 0.80 at most 0.85 reached",
        "rnn largest of 2 0.90 at most 0.80 falls short"]
    assert table == [
        "| numnet / PyTorch | 1 thread | 2 threads | 1 thread, memory kept | "
        "1 thread, both AVX2 | 1 thread, PyTorch channels last |",
        "|---|---|---|---|---|---|",
        "| conv2d 3×3 | 1.00 (2.00) | | | 0.80 | 3.00 |",
        "| rnn | 0.79 (0.90) | 9.00 | | | |", "| lstm | | | 9.00 | | |"]


def test_the_figure_has_a_dot_for_every_ratio_and_a_line_at_one(monkeypatch):
    drawn = []
    monkeypatch.setattr(ops, "save", lambda figure, path: drawn.append(figure))
    rows = [*rows_of([0.5, 2.0], "rnn"), *rows_of([0.6, 2.1], "rnn", malloc="kept"),
            *rows_of([0.9, 3.0], "rnn", threads=2), *rows_of([0.7], "rnn", isa="AVX2")]
    rows[1]["ratio_channels_last"] = 4.0
    ops.figure(rows, "a.png")
    axes, = drawn[0].axes
    *dots, line = axes.lines
    assert [list(each.get_xdata()) for each in dots] == [
        [0.5, 2.0], [0.6, 2.1], [0.9, 3.0], [0.7], [4.0]]
    assert [list(each.get_ydata()) for each in dots] == [[0, 1]] * 3 + [[0], [1]]
    assert list(line.get_xdata()) == [1, 1] and axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["rnn 0", "rnn 1"]
    looks = [(each.get_marker(), each.get_color(), each.get_markerfacecolor())
             for each in dots]
    assert len(set(looks)) == len(dots)


def test_the_command_measures_in_a_child_and_writes_what_it_found(tmp_path, capfd):
    table, figure = tmp_path / "a.csv", tmp_path / "a.png"
    code = command.main(["--only", "cross_entropy (77", "--repeats", "1", "--quick",
                         "--csv", str(table), "--figure", str(figure)])
    out, err = capfd.readouterr()
    with open(table, encoding="utf-8", newline="") as file:
        head, values = csv.reader(file)
    row = dict(zip(head, values, strict=True))
    assert tuple(head) == ops.FIELDS and row["threads"] == "1"
    assert out.count("cross_entropy (77, 13)") == 1 and "BLAS: " in out
    if machine.torch_or_none():
        assert code == 0 and figure.read_bytes().startswith(b"\x89PNG")
        assert float(row["ratio"]) == pytest.approx(
            float(row["numnet_ms"]) / float(row["pytorch_ms"]))
    else:
        assert code == 2 and "PyTorch is not installed" in out
        assert "no ratios to draw" in err and not figure.exists()


@pytest.mark.parametrize("wrong", [["--repeats", "0"], ["--threads", "0"],
                                   ["--memory", "--figure", "a.png"],
                                   ["--memory", "--growth"]])
def test_options_that_cannot_be_end_with_2(wrong, capsys):
    with pytest.raises(SystemExit) as caught:
        command.main(wrong)
    assert caught.value.code == 2 and "usage: " in capsys.readouterr().err


def test_a_name_that_no_case_has_ends_with_2_and_the_names(capsys, alone):
    here = json.dumps([1, "default", "as set"])
    assert command.main(["--here", here, "--only", "transformer"]) == 2
    assert "rnn (64, 9, 32, 64)" in capsys.readouterr().err


def test_a_setting_is_set_before_its_process_starts(monkeypatch):
    monkeypatch.setenv("MALLOC_MMAP_MAX_", "7")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "9")
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    one, kept, two, _, avx2, _ = machine.settings([1, 2], equal_isa=True)
    assert "MALLOC_MMAP_MAX_" not in one.environment()
    assert kept.environment()["MALLOC_MMAP_MAX_"] == "0"
    assert two.environment()["OPENBLAS_NUM_THREADS"] == "2"
    assert avx2.environment()["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    assert [str(each) for each in machine.settings([1, 2], False)] == [
        "1 thread, default malloc", "2 threads, default malloc"]
