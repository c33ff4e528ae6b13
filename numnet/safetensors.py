"""The file format safetensors: arrays under names, and nothing that could be run.

    8 bytes     N, the size of the header, little-endian
    N bytes     the header, JSON in UTF-8: for each name an object such as
                {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]},
                and perhaps "__metadata__", an object of texts
    the rest    the numbers, little-endian, the last axis fastest, without a gap

Offsets count from the end of the header. Larger numbers come before smaller ones, and
spaces fill the header up to a multiple of 8 bytes, so that every number lies at a
multiple of its own size and a file can be used where it lies in memory.
Source: https://github.com/huggingface/safetensors (the section on the format).
"""

import json
import math
from pathlib import Path

import numpy as np

from numnet.checkpoint import write_atomically

DTYPES = {f"{letter}{8 * size}": np.dtype(f"<{kind}{size}")
          for letter, kind, sizes in (("F", "f", (2, 4, 8)), ("I", "i", (1, 2, 4, 8)),
                                      ("U", "u", (1, 2, 4, 8))) for size in sizes}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
METADATA = "__metadata__"
LARGEST_HEADER = 100_000_000       # bytes, as in the package safetensors


def save(path, arrays, metadata=None):
    """Save a dict from name to array of numbers, whole or not at all.

    metadata: a dict from text to text. The same arrays give the same bytes. Raises
    ValueError for what is not a number, or a name that is no text or is reserved.
    """
    header, data, end = {}, [], 0
    if metadata:
        _expect_texts(metadata)
        header[METADATA] = metadata
    for name, array in sorted(arrays.items(), key=_large_first):
        dtype = array.dtype.newbyteorder("<")
        if not isinstance(name, str) or name == METADATA or dtype not in NAMES:
            raise ValueError(f"save: {name!r} of {array.dtype} cannot be saved; names "
                             "must be text, and arrays integers or floats")
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": NAMES[dtype], "shape": list(array.shape),
                        "data_offsets": [begin, end]}
        data.append(array.astype(dtype).tobytes())
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    write_atomically(path, lambda file: file.writelines(
        [len(text).to_bytes(8, "little"), text, *data]))


def _large_first(entry):
    name, array = entry
    return -array.dtype.itemsize, str(name)


def load(path):
    """Read a dict from name to array, each a read-only view of the file's bytes.

    The header is checked against the bytes that are there before anything is made of
    it. Raises FileNotFoundError when there is no file, and ValueError, naming the file,
    when it is damaged, cut short, or no such file.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    data = Path(path).read_bytes()
    try:
        start = 8 + int.from_bytes(data[:8], "little")
        if len(data) < 8 or not 8 < start <= min(len(data), 8 + LARGEST_HEADER):
            raise ValueError(f"its header should have {start - 8} bytes, it has "
                             f"{len(data)} in all")
        header = json.loads(data[8:start], object_pairs_hook=_distinct)
        if not isinstance(header, dict):
            raise ValueError("its header is no JSON object")
        _expect_texts(header.pop(METADATA, {}))
        end, arrays = 0, {}
        for name, entry in sorted(header.items(), key=_place):
            dtype, shape, (begin, stop) = _parts(name, entry)
            if begin != end:
                raise ValueError(f"{name} begins at {begin}, but what is before it "
                                 f"ends at {end}")
            if stop - begin != math.prod(shape) * dtype.itemsize:
                raise ValueError(f"{name} declares shape {shape} of {dtype} "
                                 f"but has {stop - begin} bytes")
            if start + stop > len(data):
                raise ValueError(f"{name} goes beyond the end of the file")
            arrays[name] = np.ndarray(shape, dtype, data, start + begin)
            end = stop
        if start + end != len(data):
            raise ValueError(f"{len(data) - start - end} bytes belong to no name")
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{path} is not a sound safetensors file: {error}") from error
    return arrays


def _distinct(pairs):
    if len(dict(pairs)) < len(pairs):
        raise ValueError("its header has a name twice")
    return dict(pairs)


def _expect_texts(metadata):
    if not isinstance(metadata, dict) or not all(
            isinstance(text, str) for text in metadata.values()):
        raise ValueError(f"{METADATA} must be an object of texts")


def _place(item):
    """Where an entry says that it lies."""
    return _parts(*item)[2]


def _parts(name, entry):
    """The dtype, shape and offsets of an entry of the header, each of its kind."""
    if not isinstance(entry, dict) or entry.keys() != {
            "dtype", "shape", "data_offsets"}:
        raise ValueError(f"{name} must have dtype, shape and data_offsets alone")
    if entry["dtype"] not in DTYPES:
        raise ValueError(f"{name} has dtype {entry['dtype']!r}, which is none of "
                         + ", ".join(DTYPES))
    shape, offsets = entry["shape"], entry["data_offsets"]
    for numbers in shape, offsets:
        if not isinstance(numbers, list) or not all(
                type(number) is int and number >= 0 for number in numbers):
            raise ValueError(f"{name} must have whole numbers for shape and offsets")
    if len(offsets) != 2:
        raise ValueError(f"{name} must have two offsets, got {len(offsets)}")
    return DTYPES[entry["dtype"]], tuple(shape), tuple(offsets)
