"""What runs beside the tests says how it ended, in time, and ends when they do."""

import json
import subprocess
import sys
import time
from pathlib import Path

BESIDE = Path(__file__).parent / "beside.py"


def begun(folder, **programs):
    """beside.py, with Python programs, each with the seconds that it may take."""
    process = subprocess.Popen([sys.executable, str(BESIDE)], cwd=folder,
                               stdin=subprocess.PIPE, encoding="utf-8")
    process.stdin.write(json.dumps([[name, ["-c", text], seconds]
                                    for name, (text, seconds) in programs.items()]))
    process.stdin.write("\n")
    process.stdin.flush()
    return process


def test_each_run_is_strict_and_tells_what_it_said_and_its_exit_code(tmp_path):
    with begun(tmp_path, good=("print('é'); open('here', 'w').close()", 60),
               bad=("import warnings; warnings.warn('not so')", 60),
               endless=("print('on', flush=True)\nwhile True: pass", 1)) as process:
        assert process.wait(200) == 0
    good, bad, endless = [json.loads((tmp_path / f"{name}.json").read_text("utf-8"))
                          for name in ("good", "bad", "endless")]
    assert good == ["é\n", "", 0] and (tmp_path / "good" / "here").exists()
    assert bad[0] == "" and "UserWarning: not so" in bad[1] and bad[2] == 1
    assert endless == ["on\n", "", None]


def test_it_ends_with_the_tests_and_so_does_what_it_runs(tmp_path):
    tick = ("import time\nfile = open('ticks', 'ab', buffering=0)\n"
            "while True:\n    file.write(b'.')\n    time.sleep(0.01)")
    ticks = tmp_path / "long" / "ticks"
    with begun(tmp_path, long=(tick, 60)) as process:
        while not ticks.exists():
            assert process.poll() is None
            time.sleep(0.01)
    assert process.returncode == 1 and not (tmp_path / "long.json").exists()
    time.sleep(0.1)
    before = ticks.stat().st_size
    time.sleep(0.1)
    assert ticks.stat().st_size == before
