"""What else the benchmark measures: memory, growth, a whole recipe, a peer."""

import csv
import json

import numpy as np
import pytest
from test_runs import load_tiny

from numnet import data, recipes
from numnet.study.benchmark import __main__ as command
from numnet.study.benchmark import growth, machine, memory, peer, recipe, timing
from numnet.study.benchmark.cases import conv2d_case
from numnet.study.benchmark.numpy_ml_layers import HOW
from numnet.study.benchmark.timing import Side, expect_same
from numnet.training import fit

KB = 1000


def needing(forward, saved, backward):
    """A side that gives back 50 and 70 KB, and needs so many KB besides."""
    def run():
        y = np.ones(50 * KB, np.uint8)
        np.ones(forward * KB, np.uint8)
        kept = np.ones(saved * KB + 1, np.uint8)

        def pull():
            dx = np.ones(70 * KB, np.uint8)
            np.ones(backward * KB, np.uint8)
            return dx + kept[0]
        return y, pull
    return Side(run)


@pytest.mark.parametrize("forward, saved, backward, most", [
    (900, 0, 0, 900), (0, 400, 0, 470), (500, 400, 800, 1200), (500, 400, 0, 500)])
def test_memory_is_what_is_needed_beyond_what_is_given_back(forward, saved, backward,
                                                            most):
    extra, given = memory.traced(needing(forward, saved, backward))
    assert given == 120 * KB and abs(extra - most * KB) < 10 * KB


def test_the_limit_of_a_3x3_convolution_is_its_input_and_output_half_as_much_again():
    inside, out = 2 * 5 * 8 * 6, 2 * 7 * 4 * 3       # stride 2, padding 1
    assert memory.limit(conv2d_case(2, 5, 8, 6, 7, 3, 2, 1)) == pytest.approx(
        1.5 * 4 * (inside + out) / 1e6 + 4)
    assert memory.limit(conv2d_case(2, 5, 8, 6, 7, 1, 1, 0)) is None
    assert memory.limit(memory.LONG) == pytest.approx(4 * 8 * 2048 ** 2 / 1e6)
    rows = [{"case": name, "numnet_mb": mb, "limit_mb": limit}
            for name, mb, limit in [("a", 5, 4), ("b", 3, 4), ("c", 9, None)]]
    assert [" ".join(text.split()) for text in memory.conclude(rows)] == [
        "a 5.0 MB at most 4.0 MB falls short", "b 3.0 MB at most 4.0 MB kept"]


def test_the_peak_of_a_process_agrees_with_what_numpy_was_given(tmp_path):
    pytest.importorskip("resource")
    table = tmp_path / "a.csv"
    name = "lstm (64, 50, 64, 128)"
    assert command.main(["--memory", "--only", name, "--csv", str(table)]) == 0
    with open(table, encoding="utf-8", newline="") as file:
        row, = csv.DictReader(file)
    traced, peak = float(row["numnet_mb"]), float(row["numnet_rss_mb"])
    assert traced > 3 and abs(peak - traced) < 1 + 0.2 * traced


def test_memory_without_the_module_resource_is_that_of_numpy_alone(monkeypatch):
    monkeypatch.setattr(memory, "resource", None)
    monkeypatch.setattr(machine, "torch_or_none", lambda threads=None: None)
    lines = []
    row, = memory.measure(machine.Setting(), "rnn (64, 9", 1, lines.append)
    assert "resource" in lines[0] and row["numnet_mb"] > 0.1
    assert row["numnet_rss_mb"] is row["pytorch_rss_mb"] is None


GROWN = [{"grows": grows, "size": size, "numnet_ms": 3 * size ** slope,
          "pytorch_ms": 2 * size} for grows, slope in (("rnn: steps", 1), ("conv", 2))
         for size in (1, 2, 4, 8)]
GROWN[0]["numnet_ms"] = 100                          # small sizes do not count


def test_a_slope_is_that_of_the_largest_sizes():
    found = growth.slopes(GROWN)
    assert found["rnn: steps"] == pytest.approx({"numnet": 1, "pytorch": 1})
    assert found["conv"] == pytest.approx({"numnet": 2, "pytorch": 1})
    assert list(growth.conclude(GROWN))[1:] == [
        f"{'rnn: steps':44}      1.00      1.00", f"{'conv':44}      2.00      1.00"]


def test_the_growth_figure_has_a_panel_for_each_with_both_lines(monkeypatch, tmp_path):
    growth.figure(GROWN, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    drawn = []
    monkeypatch.setattr(growth, "save", lambda figure, path: drawn.append(figure))
    growth.figure(GROWN, "a.png")
    panels = [axes for axes in drawn[0].axes if axes.get_visible()]
    assert [axes.get_title() for axes in panels] == ["rnn: steps", "conv"]
    for axes, rows in zip(panels, (GROWN[:4], GROWN[4:])):
        assert [list(line.get_ydata()) for line in axes.lines] == [
            [row["numnet_ms"] for row in rows], [row["pytorch_ms"] for row in rows]]
        assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_growth_goes_along_every_kind_of_size():
    for size in "batch", "side of the picture", "channels", "steps", "vocabulary":
        assert any(size in grows for grows in growth.GROWTH), size
    for sizes, case_of in growth.GROWTH.values():
        assert len(sizes) > growth.LARGEST
        differ = [set(zip(case_of(a).sizes, case_of(b).sizes))
                  for a, b in zip(sizes, sizes[1:])]
        for pairs, a, b in zip(differ, sizes, sizes[1:]):
            assert {pair for pair in pairs if pair[0] != pair[1]} == {(a, b)}


def test_growth_is_measured_without_pytorch_too(monkeypatch):
    monkeypatch.setattr(timing, "PAUSE", 0)
    monkeypatch.setattr(machine, "torch_or_none", lambda threads=None: None)
    monkeypatch.setitem(growth.GROWTH, "embedding: vocabulary", (
        (7, 70, 700), growth.GROWTH["embedding: vocabulary"][1]))
    rows = growth.measure(machine.Setting(), "embedding", 1, lambda text: None)
    assert [row["size"] for row in rows] == [7, 70, 700]
    assert all(row.keys() == {"grows", "size", "numnet_ms"} for row in rows)
    with pytest.raises(ValueError, match="nothing.*rnn: steps"):
        growth.measure(machine.Setting(), "nothing", 1, lambda text: None)


@pytest.fixture(scope="module")
def tiny():
    """A recipe of two epochs on few pictures: config, train, validation, test."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(data, "load", load_tiny)
        config = recipes.complete(recipes.configure(data="easy-vqa", epochs=2))
        return config, *recipes.examples(config)


def test_the_recipe_is_the_one_that_fit_trains(tiny):
    config, train, validation, test = tiny
    side = recipe.Ours(recipes.build(config)[0], config, train, test)
    lines = []
    row, = recipe.train_in_turns({"numnet": side}, config, lines.append)
    model, task = recipes.build(config)
    fit(model, recipes.optimizer_of(config, model), train, validation,
        epochs=config.epochs, batch_size=config.batch_size, seed=config.seed,
        max_norm=config.max_norm, task=task)
    for mine, fitted in zip(side.model.parameters(), model.parameters(), strict=True):
        np.testing.assert_array_equal(mine.value, fitted.value)
    assert row["side"] == "numnet" and row["seconds"] > 0 and len(lines) == 2
    assert row["test_accuracy"] == side.test()


def test_the_recipe_in_pytorch_goes_from_the_same_weights_to_the_same(tiny):
    torch = pytest.importorskip("torch")
    config, train, _, test = tiny
    model, _ = recipes.build(config)
    sides = {"numnet": recipe.Ours(model, config, train, test)} | {
        name: recipe.Theirs(recipe.Twin(torch, model, last), config, train, test)
        for name, last in recipe.TWINS.items()}
    before = model.state_dict()
    rows = recipe.train_in_turns(sides, config, lambda text: None)
    for name in recipe.TWINS:
        for (p, there, transposed), old in zip(sides[name].twin.pairs, before.values()):
            moved = np.abs(p.value - old).max()
            there = there.detach().numpy()
            error = np.abs((there.T if transposed else there) - p.value).max()
            assert moved > 0 and error < 0.01 * moved
    assert len({row["test_accuracy"] for row in rows}) == 1
    assert list(recipe.conclude(rows))[1].endswith("of its time")


def test_where_numpy_ml_is_missing_the_command_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(peer.numpy_ml_layers.sys.modules, "numpy_ml", None)
    monkeypatch.delitem(peer.numpy_ml_layers.sys.modules, "numpy_ml")
    monkeypatch.setattr(peer.numpy_ml_layers.importlib.util, "find_spec",
                        lambda name: None)
    here = json.dumps([1, "default", "as set"])
    assert command.main(["--here", here, "--peer"]) == 2
    assert HOW in capsys.readouterr().err and "pip install" in HOW


def test_numpy_ml_computes_the_same():
    try:
        peer.numpy_ml()
    except ValueError as reason:
        pytest.skip(str(reason))
    for case in peer.CASES:
        sides = case.small(np.random.default_rng(0), np.float64)
        expect_same(case.name, sides, np.float64)
        expect_same(case.name, sides, np.float64)    # its layers can be used again


def test_how_many_times_as_fast_is_judged_by_the_slowest_case():
    rows = [{"group": "conv2d", "times": 9.0}, {"group": "conv2d", "times": 7.0},
            {"group": "step", "times": 400.0}]
    found = list(peer.conclude(rows))
    assert found[0].startswith("conv2d: 7.0 to 9.0") and "falls short" in found[0]
    assert found[1].endswith("at least 300   reached")
