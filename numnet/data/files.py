"""Where files are kept, and how they are written."""

import os
import sys
from pathlib import Path


def cache_directory():
    """Return the directory for what can be made again: the user's cache, or a choice.

    NUMNET_CACHE names it outright; otherwise it is numnet/ in the system's place for
    caches (XDG_CACHE_HOME or ~/.cache; ~/Library/Caches; LOCALAPPDATA).
    """
    if os.environ.get("NUMNET_CACHE"):
        return Path(os.environ["NUMNET_CACHE"])
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "numnet"


def write_atomically(path, write):
    """Write a file whole or not at all: write(file) fills it, then it gets its name.

    What stood at `path` stays until the new file is safely on disk, and stays if
    `write` fails. Raises what `write` raises, and OSError.
    """
    path = Path(path)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
