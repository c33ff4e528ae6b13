"""One oracle for every tag: its formula again, literally and slowly.

Every file here registers its oracles in ORACLES when it is imported; all of them are.
"""

import importlib
import pkgutil

from oracles.literal import ORACLES

for _file in pkgutil.iter_modules(__path__):
    importlib.import_module(f"oracles.{_file.name}")

__all__ = ["ORACLES"]
