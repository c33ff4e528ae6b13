import csv
import json
import shutil

import pytest
from test_runs import contents, load_tiny, stop_at

from numnet import data, recipes, runs
from numnet.recipes import CHOICES
from numnet.study import compare, plots

PAIRS = [(fusion, text) for fusion in CHOICES["fusion"] for text in CHOICES["text"]]


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Few pictures, one epoch, and nothing drawn."""
    monkeypatch.setattr(data, "load", load_tiny)
    monkeypatch.setattr(plots, "save", lambda figure, path: None)
    monkeypatch.setattr(compare, "configure", lambda **chosen: recipes.configure(
        epochs=1, **chosen))


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A comparison that is finished, and its rows."""
    out = tmp_path_factory.mktemp("compare")
    with pytest.MonkeyPatch.context() as monkeypatch:
        tiny.__wrapped__(monkeypatch)
        return out, compare.compare(1, out)


def test_every_pair_is_a_run_with_the_settings_of_the_command(done):
    out, rows = done
    assert sorted(path.name for path in out.iterdir()) == sorted(
        ["joint-0", *(f"{fusion}-{text}-0" for fusion, text in PAIRS)])
    for fusion, text in PAIRS:
        config = runs.read_config(out / f"{fusion}-{text}-0")
        assert config == recipes.configure(
            data="easy-vqa", fusion=fusion, text=text, seed=0, epochs=1,
            words=config.words, answers=config.answers)
    assert runs.read_config(out / "joint-0").task == "match"


def test_a_row_has_what_the_run_measured(done):
    out, rows = done
    assert [row[:3] for row in rows] == [(*pair, 0) for pair in PAIRS] + [
        ("joint embedding", "caption of picture", 0),
        ("joint embedding", "picture of caption", 0)]
    for row, (fusion, text) in zip(rows, PAIRS):
        metrics = json.loads((out / f"{fusion}-{text}-0" / "metrics.json").read_text())
        assert row[3:] == (metrics["test_accuracy"], metrics["parameters"],
                           metrics["seconds"])
    metrics = json.loads((out / "joint-0" / "metrics.json").read_text())
    assert rows[-2][3] == metrics["recall_at_1_caption_of_picture"]
    assert rows[-1][3] == metrics["recall_at_1_picture_of_caption"]


def test_finished_runs_are_not_trained_again(done, monkeypatch):
    out, rows = done
    before = contents(out)
    for name in "start", "go_on":
        monkeypatch.setattr(runs, name, lambda *arguments: pytest.fail("trained"))
    assert compare.compare(1, out) == rows and contents(out) == before


def test_a_run_that_was_stopped_goes_on(done, tmp_path, monkeypatch):
    out = tmp_path / "out"
    shutil.copytree(done[0], out)
    shutil.rmtree(out / "gated-lstm-0")
    config = recipes.configure(data="easy-vqa", fusion="gated", text="lstm", epochs=1)
    with pytest.raises(KeyboardInterrupt):
        runs.start(config, out / "gated-lstm-0", say=stop_at("epoch 1/1"))
    (out / "joint-0" / "metrics.json").unlink()
    went_on, go_on = [], runs.go_on
    monkeypatch.setattr(runs, "start", lambda *arguments: pytest.fail("started"))
    monkeypatch.setattr(runs, "go_on", lambda folder: went_on.append(folder.name)
                        or go_on(folder, say=lambda line: None))
    rows = compare.compare(1, out)
    assert went_on == ["gated-lstm-0", "joint-0"]
    assert [row[:5] for row in rows] == [row[:5] for row in done[1]]


def test_the_table_has_a_cell_for_each_pair_with_all_its_seeds():
    names = [*PAIRS, ("joint embedding", "caption of picture"),
             ("joint embedding", "picture of caption")]
    rows = [(*pair, seed, (k + seed) / 50, 1000 * k, k + 2.0 * seed)
            for seed in range(2) for k, pair in enumerate(names)]
    cells = [[cell.strip() for cell in line.strip("|").split("|")]
             for line in compare.table(rows).splitlines() if "---" not in line and line]
    found = {(line[0], text): cell for head, *lines in (cells[:7], cells[7:])
             for line in lines for text, cell in zip(head[1:], line[1:], strict=True)}
    assert found == {pair: f"{2 * k:.2f} · {2 * k + 2:.2f}<br>{k} k, {k + 1} s"
                     for k, pair in enumerate(names)}


def test_the_command_prints_the_table_and_writes_it(done, tmp_path, capsys):
    out = tmp_path / "out"
    shutil.copytree(done[0], out)
    assert compare.main(["--seeds", "1", "--out", str(out)]) == 0
    assert capsys.readouterr().out == compare.table(done[1]) + "\n"
    with open(out / "compare.csv", encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["fusion", "text", "seed", "accuracy", "parameters", "seconds"]
    assert rows == [[str(entry) for entry in row] for row in done[1]]


@pytest.mark.parametrize("seeds", ["0", "-1", "many"])
def test_a_number_of_seeds_that_cannot_be_ends_with_2(seeds, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        compare.main(["--seeds", seeds, "--out", str(tmp_path / "out")])
    assert caught.value.code == 2 and "--seeds" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
