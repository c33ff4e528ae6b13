"""Files that survive: written whole or not at all, read only if they are sound.

A checkpoint is a `.npz`: a zip of one `.npy` file per array, never a pickle.
"""

import os
import re
import zipfile
from pathlib import Path

import numpy as np


def write_atomically(path, write):
    """Write a file whole or not at all: write(file) fills it, then it gets its name.

    What stood at `path` stays until the new file is safely on disk, and stays if
    `write` fails. Raises what `write` raises, and OSError.
    """
    path = Path(path)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")    # see leftovers
    try:
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def leftovers(folder):
    """The half-written files that writers left in a folder when they were killed."""
    return [path for path in Path(folder).glob("*.tmp")
            if re.fullmatch(r".+\.\d+\.tmp", path.name)]


def write_text(path, text):
    """Write a UTF-8 text file whole or not at all."""
    write_atomically(path, lambda file: file.write(text.encode("utf-8")))


def save(path, arrays):
    """Save a dict from name to array as `.npz`, whole or not at all.

    The same arrays give the same bytes. Raises ValueError for an array of objects.
    """
    def write(file):
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asanyarray(array),
                                              allow_pickle=False)

    write_atomically(path, write)


def load(path):
    """Read a dict from name to array that `save` wrote.

    Nothing is unpickled and nothing is decompressed, and each array's declared size is
    checked against the bytes that are there before memory is taken for it. Raises
    FileNotFoundError when there is no file, and ValueError, naming the file, when it
    is damaged, cut short, or no such checkpoint.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}")
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            size = file.seek(-22, os.SEEK_END) + 22
            end = file.read()                        # the record that closes a zip
            if end[:4] != b"PK\5\6":
                raise ValueError("something follows its end")
            if int.from_bytes(end[10:12], "little") != min(len(members), 0xffff):
                raise ValueError("members are missing")
            if len(set(archive.namelist())) < len(members):
                raise ValueError("it has two members of one name")
            if sum(member.file_size for member in members) > size:
                raise ValueError("its members declare more bytes than it has")
            return {member.filename[:-4]: _read(archive, member) for member in members}
    except Exception as error:    # damage makes zipfile and NumPy raise any kind
        raise ValueError(f"{path} is not a sound checkpoint: {error}") from error


def _read(archive, member):
    name = member.filename
    if not name.endswith(".npy") or name.startswith("/") or ".." in name:
        raise ValueError(f"it has a member {name!r}")
    if (member.compress_type, member.compress_size) \
            != (zipfile.ZIP_STORED, member.file_size):
        raise ValueError(f"its member {name} is compressed")
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0,
                       (2, 0): np.lib.format.read_array_header_2_0}.get(version)
        if read_header is None:
            raise ValueError(f"its member {name} has .npy version {version}")
        shape, fortran, dtype = read_header(file)
        if dtype.hasobject:
            raise ValueError(f"its member {name} holds Python objects")
        if dtype.itemsize == 0:                      # any number fits in no bytes
            raise ValueError(f"its member {name} holds {dtype}, which is nothing")
        count = 1
        for size in shape:                           # whole numbers do not overflow
            count *= size
        if min(shape, default=0) < 0 or file.tell() + count * dtype.itemsize \
                != member.file_size:
            raise ValueError(f"its member {name} declares shape {shape} of {dtype} "
                             f"but has {member.file_size} bytes")
        data = file.read()                           # to the end: the CRC is checked
    return np.ndarray(shape, dtype, data, order="F" if fortran else "C")
