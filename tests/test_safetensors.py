import json
import re
import struct
import tracemalloc

import numpy as np
import pytest

from numnet import safetensors

ARRAYS = {
    "w": np.arange(6, dtype=np.float32).reshape(2, 3), "s": np.array(2.5),
    "none": np.zeros((0, 4), np.float16), "Gewicht.ä.重": np.arange(3, dtype=np.int8),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "every other": np.arange(10)[::2], "big": np.array([1, 2], ">u2")}


def by_hand(header, data=b""):
    """The bytes of a file with this header: text, or an object."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(shape=(2, 3), offsets=(0, 24), dtype="F32", **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)} | more


@pytest.fixture
def file(tmp_path):
    """The path of a file with these bytes."""
    def write(data):
        (tmp_path / "a.safetensors").write_bytes(data)
        return tmp_path / "a.safetensors"
    return write


def same(a, b):
    return a.keys() == b.keys() and all(
        (a[k].shape, a[k].tolist()) == (b[k].shape, b[k].tolist())
        and a[k].dtype == b[k].dtype.newbyteorder("=") for k in a)


# ---- what is written ----------------------------------------------------------------

def test_what_was_saved_is_loaded_with_its_names_kinds_and_shapes(tmp_path):
    safetensors.save(tmp_path / "ä.safetensors", ARRAYS)
    loaded = safetensors.load(tmp_path / "ä.safetensors")
    assert same(loaded, ARRAYS)
    assert not any(array.flags.writeable for array in loaded.values())


def test_a_file_is_a_size_a_header_and_the_numbers_to_the_byte(tmp_path):
    path = tmp_path / "a.safetensors"
    safetensors.save(path, {"b": np.float32([[1], [2]]), "a": np.float64([3])},
                     {"format": "pt"})
    header = (b'{"__metadata__":{"format":"pt"},'
              b'"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},'
              b'"b":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]}}')
    header += b" " * (-len(header) % 8)
    assert path.read_bytes() == (struct.pack("<Q", len(header)) + header
                                 + struct.pack("<dff", 3, 1, 2))


def test_every_array_begins_at_a_multiple_of_its_numbers_size(tmp_path):
    for name in "a", "ab", "a.longer.name":
        path = tmp_path / name
        safetensors.save(path, {name + key: array for key, array in ARRAYS.items()})
        data = path.read_bytes()
        start = 8 + int.from_bytes(data[:8], "little")
        for key, each in json.loads(data[8:start]).items():
            size = ARRAYS[key.removeprefix(name)].dtype.itemsize
            assert (start + each["data_offsets"][0]) % size == 0, key


def test_the_same_arrays_in_any_order_give_the_same_bytes(tmp_path):
    safetensors.save(tmp_path / "a", ARRAYS)
    safetensors.save(tmp_path / "b", dict(reversed(ARRAYS.items())))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("arrays", [
    {"a": np.array([True])}, {"a": np.array([1j])}, {"a": np.array(["text"])},
    {"a": np.array([None])}, {3: np.zeros(2)}, {"__metadata__": np.zeros(2)}])
def test_what_the_format_cannot_hold_is_refused_and_the_old_file_stays(arrays, file):
    path = file(b"old")
    with pytest.raises(ValueError, match="cannot be saved"):
        safetensors.save(path, {"sound": np.zeros(2)} | arrays)
    assert path.read_bytes() == b"old" and len(list(path.parent.iterdir())) == 1


def test_metadata_is_of_texts():
    for wrong in {"epochs": 3}, ["pt"]:
        with pytest.raises(ValueError, match="__metadata__ must be an object of texts"):
            safetensors.save("never written", {}, wrong)


# ---- and with the package that the format comes from --------------------------------

def test_the_package_reads_our_file_and_writes_floats_to_the_same_bytes(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    safetensors.save(tmp_path / "ours", ARRAYS, {"format": "pt"})
    assert same(numpy.load_file(tmp_path / "ours"), ARRAYS)
    floats = {"b.ä": np.float32([[1, 2]]), "a": np.float64([3]), "c": np.array(2.5),
              "a.b": np.float32([4]), "d": np.float16([5, 6, 7])}
    safetensors.save(tmp_path / "ours", floats, {"format": "pt"})
    assert numpy.save(floats, {"format": "pt"}) == (tmp_path / "ours").read_bytes()


def test_we_read_what_the_package_writes(file):
    numpy = pytest.importorskip("safetensors.numpy")
    arrays = {f"a{dtype}": np.arange(6).reshape(3, 2).astype(dtype)
              for dtype in "bhilefdBHIL"}
    assert same(safetensors.load(file(numpy.save(arrays, {"made": "elsewhere"}))),
                arrays)


# ---- what is read -------------------------------------------------------------------

NUMBERS = np.arange(6, dtype="<f4").tobytes()
SOUND = by_hand({"w": entry()}, NUMBERS)


def test_a_header_of_any_size_and_order_is_read(file):
    header = {"b": entry((1,), (20, 24)), "__metadata__": {}, "a": entry((5,), (0, 20))}
    loaded = safetensors.load(file(by_hand(header, NUMBERS)))
    assert loaded["a"].tolist() == [0, 1, 2, 3, 4] and loaded["b"].tolist() == [5]
    padded = by_hand(json.dumps({"w": entry()}).encode() + b"   ", NUMBERS)
    assert safetensors.load(file(padded))["w"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert safetensors.load(file(by_hand({}))) == {}


@pytest.mark.parametrize("data, message", [
    (b"", "header should have"), (b"\1\0\0", "header should have"),
    (SOUND[:7], "header should have"), (by_hand(b""), "header should have 0"),
    (struct.pack("<Q", 2 ** 63) + b"{}", "should have 9223372036854775808 bytes"),
    (struct.pack("<Q", 3) + b"{}", "should have 3 bytes, it has 10 in all"),
    (by_hand(b"[1]"), "no JSON object"), (by_hand(b"{"), "Expecting|property name"),
    (by_hand(b'{"\xff": 1}'), "codec"), (by_hand(b"[" * 100_000), "recursion"),
    (by_hand(b'{"w": {"dtype": "F32", "dtype": "F32"}}'), "a name twice"),
    (by_hand(b'{"w": {}, "w": {}}'), "a name twice"),
    (by_hand({"w": 3}), "w must have dtype, shape and data_offsets alone"),
    (by_hand({"w": entry(more=1)}, NUMBERS), "data_offsets alone"),
    (by_hand({"w": {"dtype": "F32", "shape": [1]}}), "data_offsets alone"),
    (by_hand({"w": entry(dtype="BF16")}, NUMBERS), "'BF16', which is none of F16"),
    (by_hand({"w": entry(dtype=["F32"])}, NUMBERS), "unhashable|dtype"),
    (by_hand({"w": entry(dtype="f4")}, NUMBERS), "dtype 'f4'"),
    (by_hand({"w": entry(shape=(2.0, 3))}, NUMBERS), "whole numbers"),
    (by_hand({"w": entry(shape=(-2, -3))}, NUMBERS), "whole numbers"),
    (by_hand({"w": entry(shape=(True, 6))}, NUMBERS), "whole numbers"),
    (by_hand({"w": {"dtype": "F32", "shape": "23", "data_offsets": [0, 24]}}, NUMBERS),
     "whole numbers"),
    (by_hand({"w": entry(offsets=(0, 24, 24))}, NUMBERS), "two offsets, got 3"),
    (by_hand({"w": entry(offsets=(0.0, 24))}, NUMBERS), "whole numbers"),
    (by_hand({"w": entry(offsets=(24, 0))}, NUMBERS), "begins at 24"),
    (by_hand({"w": entry(offsets=(-24, 0))}, NUMBERS), "whole numbers"),
    (by_hand({"w": entry((2, 4))}, NUMBERS), r"declares shape \(2, 4\) of float32 but"),
    (by_hand({"w": entry(dtype="F64")}, NUMBERS), "float64 but has 24 bytes"),
    (by_hand({"w": entry((2 ** 40, 2 ** 40))}, NUMBERS), "has 24 bytes"),
    (by_hand({"w": entry((0, 2 ** 70), (0, 0))}), "not a sound"),
    (by_hand({"w": entry((1,) * 100, (0, 4))}, b"1234"), "not a sound"),
    (by_hand({"w": entry((2 ** 40,), (0, 2 ** 42))}, NUMBERS), "beyond the end"),
    (SOUND[:-1], "w goes beyond the end"), (SOUND + b"x", "1 bytes belong to no name"),
    (by_hand({"w": entry((2,), (0, 8)), "v": entry((3,), (12, 24))}, NUMBERS),
     "v begins at 12, but what is before it ends at 8"),
    (by_hand({"w": entry((4,), (0, 16)), "v": entry((4,), (8, 24))}, NUMBERS),
     "v begins at 8, but what is before it ends at 16"),
    (by_hand({"__metadata__": {"format": 3}, "w": entry()}, NUMBERS), "texts"),
    (by_hand({"__metadata__": "pt", "w": entry()}, NUMBERS), "texts"),
    (b"PK\3\4 a zip", "header should have"), (b'{"json": "alone"}', "should have")])
def test_a_file_that_is_not_sound_is_named_and_nothing_is_made_of_it(data, message,
                                                                     file):
    path = file(data)
    tracemalloc.start()
    with pytest.raises(ValueError) as caught:
        safetensors.load(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert str(caught.value).startswith(f"{path} is not a sound safetensors file: ")
    assert re.search(message, str(caught.value)), caught.value
    assert peak < 20_000_000


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file .*missing"):
        safetensors.load(tmp_path / "missing")


def test_a_file_cut_short_anywhere_is_not_sound(file):
    for size in range(len(SOUND)):
        with pytest.raises(ValueError, match="is not a sound"):
            safetensors.load(file(SOUND[:size]))


def test_one_wrong_byte_in_the_header_is_refused_or_gives_arrays_of_the_file(file):
    """No other kind of error, and never numbers from beyond the file."""
    refused = 0
    for place in range(len(SOUND) - len(NUMBERS)):
        for wrong in (0, 0x39, 0xff, SOUND[place] ^ 1):
            damaged = bytearray(SOUND)
            damaged[place] = wrong
            try:
                loaded = safetensors.load(file(bytes(damaged)))
                assert sum(array.nbytes for array in loaded.values()) == len(NUMBERS)
            except ValueError as error:
                assert "is not a sound safetensors file" in str(error)
                refused += 1
    assert refused > 2 * (len(SOUND) - len(NUMBERS))
