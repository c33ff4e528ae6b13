"""The surroundings of a process that a test starts, in whatever folder."""

import os
from pathlib import Path

TESTS = Path(__file__).parent


def environment(**more):
    """Ours, in which Python finds numnet and the files beside this one; and `more`."""
    paths = [str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | more
