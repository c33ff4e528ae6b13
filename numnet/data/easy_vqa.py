"""The dataset easy-VQA: pictures of one shape each, as its own package brings them.

4,000 and 1,000 pictures of 64 × 64 pixels, 38,575 and 9,673 questions, 13 answers.
Source: Victor Zhou 2019, https://github.com/vzhou842/easy-VQA (MIT).
"""

import hashlib
import importlib.util
import json
import os
import sys
from importlib import metadata
from pathlib import Path

import numpy as np

from numnet.checkpoint import write_atomically
from numnet.data import Questions
from numnet.data.images import read

SIDES = ("train", "test")


def load():
    """Return the training and the test Questions of easy-VQA.

    The pictures, numbered as in the package, are decoded once and kept in the user's
    cache directory (see cache_directory); a cache that is damaged, old or cannot be
    written is no error. Raises FileNotFoundError where the package easy-vqa is not
    installed or lacks a file, ValueError where a file is damaged.
    """
    data, version = find_package()
    images = cached_images(data, version)
    train, test = (Questions(images[side], *read_questions(data / side))
                   for side in SIDES)
    return train, test


def find_package():
    """Return the data directory and the version of the installed package easy-vqa."""
    spec = importlib.util.find_spec("easy_vqa")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError('load: the package easy-vqa is not installed: pip '
                                'install "numnet[vqa]", or use --data shapes')
    try:
        version = metadata.version("easy-vqa")
    except metadata.PackageNotFoundError:
        version = "unknown"
    return Path(spec.submodule_search_locations[0]) / "data", version


def read_questions(directory):
    """Read questions.json   →   image (n,) int64, n questions and n answers."""
    path = directory / "questions.json"
    try:
        with open(path, encoding="utf-8") as file:
            question, answer, image = zip(*json.load(file))
        if not all(isinstance(text, str) for text in question + answer):
            raise TypeError("a question or an answer is no string")
        return (np.array(image).astype(np.int64, casting="safe"), list(question),
                list(answer))
    except FileNotFoundError:
        raise FileNotFoundError(f"load: easy-vqa lacks its file {path}") from None
    except (ValueError, TypeError) as error:
        raise ValueError(f"load: {path} is not a list of [question, answer, picture]"
                         ) from error


def read_images(directory):
    """Read 0.png, 1.png, … of a directory   →   (m, h, w, 3) uint8."""
    paths = sorted(directory.glob("*.png"), key=lambda path: int(path.stem))
    if not paths or [int(path.stem) for path in paths] != list(range(len(paths))):
        raise FileNotFoundError(f"load: {directory} must hold 0.png, 1.png, … without "
                                f"a gap, got {len(paths)} pictures")
    return np.stack([read(path) for path in paths])


def cached_images(data, version):
    """Return the pictures of both sides from the cache, or decode and cache them."""
    try:
        path = cache_directory() / f"easy-vqa-{version}.npz"
    except RuntimeError:                              # no home directory
        path = None
    images = path and read_cache(path, version)
    if not images:
        images = {side: read_images(data / side / "images") for side in SIDES}
        if path:
            write_cache(path, version, images)
    return images


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


def read_cache(path, version):
    """Return the pictures of a cache file, or None unless it is whole and current."""
    try:
        with open(path, "rb") as whole, np.load(whole, allow_pickle=False) as file:
            if set(file.files) != {*SIDES, "version", "sha256"}:
                return None
            images = {side: file[side] for side in SIDES}
            made = str(file["version"]), str(file["sha256"])
    except Exception:                 # whatever is wrong with a cache, it is made again
        return None
    if any(x.dtype != np.uint8 or x.ndim != 4 for x in images.values()):
        return None
    return images if made == (version, checksum(images)) else None


def write_cache(path, version, images):
    """Keep the pictures in a cache file, unless the place cannot be written to."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, lambda file: np.savez_compressed(
            file, **images, version=version, sha256=checksum(images)))
    except OSError:
        pass


def checksum(images):
    """Return one SHA-256 over the shapes and the bytes of both sides."""
    digest = hashlib.sha256()
    for side in SIDES:
        digest.update(f"{side} {images[side].shape}".encode())
        digest.update(np.ascontiguousarray(images[side]))
    return digest.hexdigest()
