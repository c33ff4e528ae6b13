"""What the README says is so: its snippet, its commands and its table."""

import re
from pathlib import Path

import pytest
from readme_commands import README, ROOT, blocks, commands

import numnet
from numnet.study.cases import public_ops
from numnet.study.formulas import read

NUMNET = Path(numnet.__file__).parent


def test_the_snippet_runs_and_learns(capsys):
    snippet, = blocks("python")
    exec(compile(snippet, "README.md", "exec"), {})
    *rows, last = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == ["x", "w", "b"]
    assert all(float(row.split()[-1]) <= 1e-12 for row in rows)
    assert float(last.split()[-1]) > 0.97


@pytest.fixture
def commands_ran(beside):
    """What came of the README's commands: see conftest.py."""
    pytest.importorskip("easy_vqa")
    return beside("readme")[1]


def test_every_command_runs(commands_ran):
    printed, error, code = commands_ran
    assert code == 0, error
    assert len(commands()) > 6 and "test accuracy" in printed


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
