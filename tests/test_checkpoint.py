import io
import itertools
import os
import re
import struct
import subprocess
import sys
import textwrap
import tracemalloc
import warnings
import zipfile
from contextlib import contextmanager

import numpy as np
import pytest

from numnet import checkpoint

ARRAYS = {
    "w": np.arange(6, dtype=np.float32).reshape(2, 3), "count": np.array(7),
    "none": np.zeros((0, 4)), "Gewicht.ä.重": np.array([True, False]),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big": np.array([1, 2], ">i4"), "words": np.array(["a", "wörter"]),
    "file": np.array(1), "allow_pickle": np.array(2j)}


def npy(array=ARRAYS["w"], **header):
    """The bytes of a .npy file, with another header where one is given."""
    file = io.BytesIO()
    if not header:
        np.lib.format.write_array(file, array, allow_pickle=True)
        return file.getvalue()
    return by_hand({"descr": "<f4", "fortran_order": False, "shape": (2, 3), **header},
                   array.tobytes())


def by_hand(header, data=b""):
    text = str(header).encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + data


def archive(*members, declared=None, **options):
    """The bytes of a zip of (name, bytes); `declared` is the size it says w.npy has."""
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", **options) as made:
        warnings.simplefilter("ignore")              # two members of one name
        for name, data in members:
            made.writestr(name, data)
        if declared:
            info = made.getinfo("w.npy")
            info.file_size = info.compress_size = declared
    return file.getvalue()


SOUND = archive(("w.npy", npy()))
BOMB = npy(np.zeros(2_000_000, np.float32))


def same(a, b):
    return a.keys() == b.keys() and all(
        (a[k].dtype, a[k].shape, a[k].tobytes()) == (b[k].dtype, b[k].shape,
                                                     b[k].tobytes()) for k in a)


def refusal(path):
    with pytest.raises(ValueError) as caught:
        checkpoint.load(path)
    message = str(caught.value)
    assert message.startswith(f"{path} is not a sound checkpoint: ")
    return message


# ---- reading ------------------------------------------------------------------------

def test_what_was_saved_is_loaded_with_its_names_kinds_and_shapes(tmp_path):
    checkpoint.save(tmp_path / "ä.npz", ARRAYS)
    loaded = checkpoint.load(tmp_path / "ä.npz")
    assert same(loaded, ARRAYS) and list(loaded) == list(ARRAYS)
    assert not any(array.flags.writeable for array in loaded.values())
    assert same(checkpoint.load(str(tmp_path / "ä.npz")), ARRAYS)


def test_numpy_reads_a_checkpoint_and_a_checkpoint_may_be_numpys(tmp_path):
    checkpoint.save(tmp_path / "a.npz", {"w": ARRAYS["w"]})
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert same(dict(file), {"w": ARRAYS["w"]})
    np.savez(tmp_path / "b.npz", w=ARRAYS["w"], n=ARRAYS["count"])
    assert same(checkpoint.load(tmp_path / "b.npz"),
                {"w": ARRAYS["w"], "n": ARRAYS["count"]})


def test_the_same_arrays_make_the_same_file(tmp_path):
    checkpoint.save(tmp_path / "a.npz", ARRAYS)
    checkpoint.save(tmp_path / "b.npz", ARRAYS)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_checkpoint_of_nothing_is_one(tmp_path):
    checkpoint.save(tmp_path / "a.npz", {})
    assert checkpoint.load(tmp_path / "a.npz") == {}


@pytest.mark.parametrize("path", ["missing.npz", ".", "missing/a.npz"])
def test_no_file_is_told_from_a_damaged_one(path, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no checkpoint"):
        checkpoint.load(tmp_path / path)


BAD = {
    "empty file": (b"", "not a zip file"),
    "text": (b"weights\n" * 99, "not a zip file"),
    "bare .npy": (npy(), "not a zip file"),
    "pickle": (b"\x80\x04N.", "not a zip file"),
    "trailing bytes": (SOUND + b"\0", "something follows its end"),
    "a whole file after it": (SOUND + npy(), "something follows its end"),
    "a comment": (SOUND[:-2] + b"\2\0hi", "something follows its end"),
    "object array": (archive(("w.npy", npy(np.array([{}, None])))),
                     "w.npy holds Python objects"),
    "object field": (archive(("w.npy", npy(np.zeros(2, [("a", "O"), ("b", "f4")])))),
                     "w.npy holds Python objects"),
    "compressed": (archive(("w.npy", npy()), compression=zipfile.ZIP_DEFLATED),
                   "w.npy is compressed"),
    "zip bomb": (archive(("w.npy", BOMB), compression=zipfile.ZIP_DEFLATED),
                 "declare more bytes than it has"),
    "path upwards": (archive(("../w.npy", npy())), r"a member '../w.npy'"),
    "path from the root": (archive(("/w.npy", npy())), r"a member '/w.npy'"),
    "no .npy name": (archive(("w.txt", npy())), r"a member 'w.txt'"),
    "no .npy inside": (archive(("w.npy", b"weights")), "magic string"),
    "empty member": (archive(("w.npy", b"")), "EOF|expected 8 bytes"),
    "path with a drive": (archive(("C:\\..\\w.npy", npy())), "a member 'C:"),
    "zip in a zip": (archive(("w.npz", SOUND)), r"a member 'w.npz'"),
    "zip as an array": (archive(("w.npy", SOUND)), "magic string"),
    "two of one name": (archive(("w.npy", npy()), ("w.npy", npy())),
                        "two members of one name"),
    "more than the file": (archive(("w.npy", npy()), declared=1 << 40),
                           "declare more bytes than it has"),
    "a little more": (archive(("w.npy", npy()), declared=len(npy()) + 4), "w.npy"),
    "huge shape": (archive(("w.npy", npy(shape=(10 ** 15,)))), "declares shape"),
    "huger shape": (archive(("w.npy", npy(shape=(2 ** 62, 4)))), "declares shape"),
    "shape and a zero": (archive(("w.npy", npy(np.zeros(0), shape=(0, 10 ** 30)))),
                         "not a sound"),
    "negative shape": (archive(("w.npy", npy(shape=(-2, -3)))), "declares shape"),
    "one negative": (archive(("w.npy", npy(shape=(-6,)))), "declares shape"),
    "bytes after the data": (archive(("w.npy", npy() + b"\0")), "declares shape"),
    "bytes missing": (archive(("w.npy", npy()[:-1])), "declares shape"),
    "no shape": (archive(("w.npy", npy(shape=None))), "shape is not valid"),
    "no dtype": (archive(("w.npy", npy(descr="nonsense"))), "not a valid dtype"),
    "huge dtype": (archive(("w.npy", npy(descr="<U100000000"))), "declares shape"),
    "many numbers of no bytes": (archive(("w.npy", npy(
        np.zeros(0), descr="|V0", shape=(10 ** 12,)))), "holds .*, which is nothing"),
    "too many axes": (archive(("w.npy", npy(shape=(1,) * 65 + (6,)))), "not a sound"),
    "header longer than the file": (archive((
        "w.npy", b"\x93NUMPY\2\0\xff\xff\xff\xff" + npy()[10:])), "EOF"),
    "header of a megabyte": (archive((
        "w.npy", b"\x93NUMPY\2\0" + struct.pack("<I", 10 ** 6) + b" " * 10 ** 6)),
        "Header info length"),
    "wrong checksum": (SOUND.replace(ARRAYS["w"].tobytes(), bytes(24)),
                       "Bad CRC-32"),
    "brackets": (archive(("w.npy", by_hand("(" * 9000))), "not a sound"),
    ".npy of tomorrow": (archive(("w.npy", b"\x93NUMPY\x09\0" + npy()[8:])),
                         r"\.npy version|format version"),
    "encrypted": (bytes(b | (i in (6, SOUND.rindex(b"PK\1\2") + 8))
                        for i, b in enumerate(SOUND)), "encrypted"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_damaged_file_is_one_error_that_names_it_and_takes_no_memory(name, tmp_path):
    data, message = BAD[name]
    path = tmp_path / "a.npz"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        assert re.search(message, refusal(path))
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_all_damaged_files_together_take_little_memory_and_time(tmp_path):
    for k, (data, _) in enumerate(BAD.values()):
        (tmp_path / f"{k}.npz").write_bytes(data)
    program = textwrap.dedent("""
        import resource, sys, time
        import numpy as np
        from numnet import checkpoint
        used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        before = used()
        for path in sys.argv[1:]:
            try:
                checkpoint.load(path)
            except ValueError:
                print("refused", end=" ")
        unit = 2 ** 20 if sys.platform == "darwin" else 2 ** 10
        print((used() - before) / unit, time.process_time())
        """)
    pytest.importorskip("resource", reason="this system does not tell how much is used")
    *said, megabytes, seconds = subprocess.run(
        [sys.executable, "-c", program, *map(str, tmp_path.iterdir())], check=True,
        capture_output=True, text=True, timeout=60).stdout.split()
    assert said == ["refused"] * len(BAD)
    assert float(megabytes) < 20 and float(seconds) < 5


def test_a_file_that_is_cut_short_anywhere_is_refused(tmp_path):
    checkpoint.save(tmp_path / "a.npz", {"w": ARRAYS["w"], "n": np.array(7)})
    whole = (tmp_path / "a.npz").read_bytes()
    for end in range(0, len(whole), 3):
        (tmp_path / "a.npz").write_bytes(whole[:end])
        refusal(tmp_path / "a.npz")


def test_a_flipped_bit_is_refused_or_changes_no_number(tmp_path):
    arrays = {"w": ARRAYS["w"], "n": np.array(7)}
    checkpoint.save(tmp_path / "a.npz", arrays)
    whole = (tmp_path / "a.npz").read_bytes()
    refused = 0
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        (tmp_path / "a.npz").write_bytes(damaged)
        try:
            assert same(checkpoint.load(tmp_path / "a.npz"), arrays), place
        except ValueError:
            refused += 1
    assert refused > 0.7 * len(whole)         # the others are dates and permissions


# ---- writing ------------------------------------------------------------------------

def failing(file):
    file.write(b"half")
    raise RuntimeError("it broke")


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def kept(tmp_path):
    """A folder with a file, which must be as it was after the test."""
    checkpoint.save(tmp_path / "a.npz", ARRAYS)
    before = files(tmp_path)
    yield tmp_path
    assert files(tmp_path) == before


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(kept):
    for name in "a.npz", "new.npz":
        with pytest.raises(RuntimeError, match="it broke"):
            checkpoint.write_atomically(kept / name, failing)


def test_a_new_file_takes_the_name_of_the_old_one(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    old = path.stat().st_ino
    checkpoint.write_atomically(path, lambda file: file.write(b"new"))
    assert path.read_bytes() == b"new" and path.stat().st_ino != old


def test_a_write_that_is_interrupted_leaves_the_old_file(kept):
    def interrupted(file):
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checkpoint.write_atomically(kept / "a.npz", interrupted)


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_refusal_of_the_system_leaves_the_old_file(call, kept, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(13, "in use")

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(PermissionError, match="in use"):
        checkpoint.write_text(kept / "a.npz", "new")


def test_an_array_of_objects_is_not_saved(kept):
    with pytest.raises(ValueError, match="[Oo]bject arrays cannot be saved"):
        checkpoint.save(kept / "a.npz", {"w": ARRAYS["w"], "o": np.array([{}])})


def test_a_missing_folder_is_named(kept):
    with pytest.raises(FileNotFoundError, match="missing"):
        checkpoint.write_text(kept / "missing" / "a.txt", "new")


@contextmanager
def unprivileged():
    """Root, who may write anywhere, is nobody within it; others are who they are."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.skipif(os.name == "nt", reason="Windows lets a read-only folder be filled")
def test_a_read_only_folder_keeps_its_files(kept, monkeypatch):
    monkeypatch.chdir(kept)
    kept.chmod(0o555)
    try:
        with unprivileged():
            for name in "a.npz", "new.npz":
                with pytest.raises(PermissionError):
                    checkpoint.save(name, {})
    finally:
        kept.chmod(0o700)


def test_a_full_disk_keeps_the_old_file(kept):
    pytest.importorskip("resource", reason="this system has no limit on file sizes")
    program = textwrap.dedent("""
        import resource, signal, sys
        import numpy as np
        from numnet import checkpoint
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        for name in "a.npz", "new.npz":
            try:
                checkpoint.save(f"{sys.argv[1]}/{name}", {"w": np.ones(30_000)})
            except OSError as error:
                print("refused:", error.strerror)
        """)
    out = subprocess.run([sys.executable, "-c", program, kept], check=True,
                         capture_output=True, text=True).stdout
    assert out.count("refused:") == 2


def test_text_is_utf_8_with_the_line_ends_it_was_given(tmp_path):
    checkpoint.write_text(tmp_path / "a.txt", "é\r\n重\n")
    assert (tmp_path / "a.txt").read_bytes() == "é\r\n重\n".encode()
    checkpoint.write_text(tmp_path / "a.txt", "")
    assert files(tmp_path) == {"a.txt": b""}


def test_pieces_of_checkpoints_put_together_at_random_are_refused_or_sound(tmp_path):
    rng = np.random.default_rng(0)
    pieces = [SOUND[a:b] for a, b in itertools.pairwise(
        [0, 4, 30, 35, 45, 163, len(npy()) + 35, -22, -6, len(SOUND)])]
    for _ in range(100):
        chosen = rng.choice(len(pieces), len(pieces) + 2)
        (tmp_path / "a.npz").write_bytes(b"".join(pieces[k] for k in chosen))
        try:
            checkpoint.load(tmp_path / "a.npz")
        except ValueError:
            pass
