"""What the README says is so: its snippet, its commands and its table."""

import re
import shlex
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import numnet.data
from numnet import recipes
from numnet.__main__ import main
from numnet.data import sort_of_clevr
from numnet.study import classroom, gradcheck
from numnet.study.cases import public_ops
from numnet.study.formulas import read

ROOT, NUMNET = Path(__file__).parent.parent, Path(numnet.__file__).parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_snippet_runs_and_learns(capsys):
    snippet, = blocks("python")
    exec(compile(snippet, "README.md", "exec"), {})
    *rows, last = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == ["x", "w", "b"]
    assert all(float(row.split()[-1]) <= 1e-12 for row in rows)
    assert float(last.split()[-1]) > 0.97


def test_every_command_runs(tmp_path, monkeypatch, capsys):
    """All of them, in order and to the letter, on little: few pictures, short epochs,
    a book of one lesson, a check of three ops.

    .ci/run runs the first block, the check and the book in full.
    """
    pytest.importorskip("easy_vqa")
    load, scenes = numnet.data.load, sort_of_clevr.Scenes
    fresh_scenes = sort_of_clevr.FreshScenes

    @cache
    def fewer(name, seed=0):
        return tuple(questions.of_images(np.arange(0, len(questions.images), 100))
                     for questions in load(name, seed))

    monkeypatch.setattr(numnet.data, "load", fewer)
    monkeypatch.setattr(sort_of_clevr, "FreshScenes",
                        lambda steps: fresh_scenes(2))
    monkeypatch.setattr(sort_of_clevr, "Scenes", lambda rng, pictures: scenes(rng, 5))
    monkeypatch.setattr(recipes, "SETTINGS", [
        (condition, settings | {"epochs": 2})
        for condition, settings in [({}, {}), *recipes.SETTINGS]])
    glob = Path.glob
    monkeypatch.setattr(Path, "glob", lambda self, *patterns, **options: [
        path for path in glob(self, *patterns, **options)
        if self.name != "lessons" or path.name.startswith("06")])
    monkeypatch.setattr(gradcheck, "CASES", dict([*gradcheck.CASES.items()][:3]))
    monkeypatch.setattr(classroom, "LESSONS", ROOT / "lessons")
    monkeypatch.chdir(tmp_path)
    save_picture(load("easy-vqa")[1].images[3], tmp_path / "picture.png")
    commands = [line.partition("#")[0] for block in blocks("sh")
                for line in block.splitlines() if re.search(r"\bnumnet ", line)]
    assert len(commands) > 6
    for command in commands:
        arguments = shlex.split(command)
        assert main(arguments[arguments.index("numnet") + 1:]) == 0, command
    assert "test accuracy" in capsys.readouterr().out


def save_picture(image, path):
    from PIL import Image
    Image.fromarray(image).save(path)


def test_the_table_counts_the_formulas_of_every_op():
    counts = {}
    for formula in read():
        name = formula.tag.split(".")[0]
        counts[name] = counts.get(name, 0) + 1
    table = dict(re.findall(r"\b([a-z_0-9]+) \((\d+)\)", README))
    assert {name: int(count) for name, count in table.items()} == counts


def test_the_table_names_every_op_and_layer():
    for name in public_ops():
        assert re.search(rf"\b{name}\b", README), name


def test_every_file_that_the_readme_names_exists():
    for name in re.findall(r"`([\w./]+/|[\w./]+\.(?:py|png))`", README):
        if name != "picture.png" and not name.startswith("runs/"):
            assert any((place / name).exists() for place in (
                ROOT, NUMNET, NUMNET.parent, ROOT / "tests")) or "png" in name, name
    for name in re.findall(r"\]\(([\w./]+)\)", README):
        assert (ROOT / name).exists(), name


def test_it_is_short():
    assert len(README.splitlines()) < 150
