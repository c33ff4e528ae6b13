"""Every lesson, exported as a notebook, runs in a Jupyter kernel."""

from pathlib import Path

import pytest

from numnet.__main__ import main
from numnet.study.classroom import LESSONS

MISSING = "no lesson was run by Jupyter: pip install nbclient ipykernel"
nbclient = pytest.importorskip("nbclient", reason=MISSING)
nbformat = pytest.importorskip("nbformat", reason=MISSING)
pytest.importorskip("ipykernel", reason=MISSING)
SECONDS = 60                           # for a cell


@pytest.mark.parametrize("number", [int(path.name[:2]) for path in sorted(
    LESSONS.glob("[0-9][0-9]_*.py"))])
def test_a_lesson_runs_in_a_jupyter_kernel_to_its_last_cell(number, tmp_path,
                                                            monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(LESSONS).parent))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    file = tmp_path / "lesson.ipynb"
    assert main(["lesson", str(number), "--notebook", str(file)]) == 0
    notebook = nbformat.reads(file.read_text(encoding="utf-8"), as_version=4)
    nbformat.validate(notebook)
    nbclient.NotebookClient(notebook, timeout=SECONDS, kernel_name="python3",
                            resources={"metadata": {"path": tmp_path}}).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert any(output.name == "stdout" for cell in code for output in cell.outputs)
