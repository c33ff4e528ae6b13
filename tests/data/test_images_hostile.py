"""Pictures made to harm, and pictures that only look odd: refused, or read rightly.

All of them are read by one process of their own, whose memory and time are measured.
"""

import io
import json
import struct
import subprocess
import sys
import zlib
from functools import cache

import numpy as np
import pytest

from numnet.data.images import MOST_BYTES, read

Image = pytest.importorskip("PIL.Image")              # comes with matplotlib
PIXELS = np.random.default_rng(0).integers(0, 256, (20, 19, 3)).astype(np.uint8)
READER = """
import json, sys, time
import numpy as np
from PIL import Image, ImageOps, JpegImagePlugin, PngImagePlugin
from numnet.data.images import read
try:
    import resource
except ImportError:                              # Windows
    resource = None

def memory():
    usage = resource and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (usage or 0) / (2 ** 20 if sys.platform == "darwin" else 2 ** 10)

for path in sys.argv[1:]:
    begun, before = time.process_time(), memory()
    try:
        answer = read(path).shape
    except ValueError as error:
        answer = str(error)
    print(json.dumps([path, answer, memory() - before, time.process_time() - begun]))
"""


def chunk(name, body):
    return (struct.pack(">I", len(body)) + name + body
            + struct.pack(">I", zlib.crc32(name + body)))


def png(*more, width=3, height=2, bits=8, color=2, interlaced=0, data=None):
    """A PNG, by hand, with more chunks before its pixels, which are 0 if not given."""
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, interlaced)
    if data is None:
        data = bytes(height * (1 + 3 * width))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(more)
            + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b""))


def jpeg(picture=PIXELS, kind="JPEG", **options):
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def more_scans(count):
    """A progressive JPEG with its last scan again and again."""
    data = jpeg(PIXELS[..., 0], progressive=True)
    last = data[data.rindex(b"\xff\xda"):-2]
    return data[:-2] + last * count + data[-2:]


def of_size(width, height):
    """A JPEG that declares another size."""
    data = bytearray(jpeg())
    place = data.index(b"\xff\xc0") + 5
    data[place:place + 4] = struct.pack(">HH", height, width)
    return bytes(data)


@cache
def bomb(megabytes):
    return zlib.compress(bytes(megabytes * 1_000_000))


def adam7(pixels):
    """The bytes of an interlaced picture: seven coarse pictures, one in the other."""
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2),
              (0, 1, 2, 2), (1, 0, 2, 1)]
    return b"".join(b"\0" + row.tobytes() for top, left, down, right in passes
                    for row in pixels[top::down, left::right] if row.size)


TWO = [2, 3, 3]
WHOLE = [20, 19, 3]
DAMAGED = "is not a whole PNG or JPEG"
SEVERAL = jpeg(kind="MPO", save_all=True, append_images=[Image.fromarray(PIXELS)])
FILES = {                                        # bytes, and a shape or a refusal
    "declared 100,000 x 100,000": (png(width=100_000, height=100_000, data=b"\0"),
                                   "declares too many pixels; at most 50,000,000"),
    "declared 9,999 x 9,999": (png(width=9_999, height=9_999, data=b"\0"),
                               "declares too many pixels; at most 50,000,000"),
    "declared 7,072 x 7,072": (png(width=7_072, height=7_072, data=b"\0"),
                               "declares 7072 x 7072 pixels; at most 50,000,000"),
    "declared 65,000 x 65,000 JPEG": (of_size(65_000, 65_000), "too many pixels"),
    "declared 8,000 x 8,000 JPEG": (of_size(8_000, 8_000), "declares 8000 x 8000"),
    "declared 0 x 2": (png(width=0), DAMAGED),
    "declared larger than it is": (png(width=7_071, height=7_071, data=b"\0"), DAMAGED),
    "larger than declared": (png(data=bytes(200_000_000)), TWO),
    "text bomb": (png(chunk(b"zTXt", b"a\0\0" + bomb(200))), DAMAGED),
    "international text bomb": (
        png(chunk(b"iTXt", b"a\0\1\0\0\0" + bomb(200))), DAMAGED),
    "text bombs": (png(*[chunk(b"zTXt", b"a\0\0" + bomb(1))] * 200), DAMAGED),
    "profile bomb": (png(chunk(b"iCCP", b"a\0\0" + bomb(200))), DAMAGED),
    "chunk longer than the file": (
        png(struct.pack(">I", 2 ** 31 - 1) + b"tEXtabc"), DAMAGED),
    "16 bits": (png(bits=16, data=bytes(2 * 19)), "has 16 bits per channel; 8 are"),
    "16 bits of gray": (png(bits=16, color=0, data=bytes(2 * 7)), "has 16 bits per"),
    "16 bits interlaced": (png(bits=16, interlaced=1, data=bytes(40)), "has 16 bits"),
    "interlaced": (png(interlaced=1, width=19, height=20, data=adam7(PIXELS)), WHOLE),
    "1 bit": (png(bits=1, color=0, data=bytes(4)), TWO),
    "4 bits": (png(bits=4, color=0, data=bytes(6)), TWO),
    "gray and alpha": (png(color=4, data=bytes(14)), TWO),
    "palette": (png(chunk(b"PLTE", bytes(6)), color=3, data=bytes(8)), TWO),
    "beyond the palette": (png(chunk(b"PLTE", bytes(6)), color=3,
                               data=b"\0\1\2\3\0\4\5\6"), TWO),
    "no palette": (png(color=3, data=bytes(8)), TWO),        # read as shades of gray
    "no such colour": (png(color=5), DAMAGED),
    "no pixels": (png()[:33] + chunk(b"IEND", b""), DAMAGED),
    "no end": (png()[:-12], TWO),
    "no header": (png()[:8] + png()[33:], DAMAGED),
    "wrong checksum of the header": (png()[:29] + b"wrong" + png()[34:], DAMAGED),
    "106 scans": (more_scans(101), "scans; at most 100 are read"),
    "100,000 scans": (more_scans(100_000), "scans; at most 100 are read"),
    "90 scans": (more_scans(84), WHOLE),
    "progressive": (jpeg(progressive=True), WHOLE),
    "gray JPEG": (jpeg(PIXELS[..., 0]), WHOLE),
    "CMYK JPEG": (jpeg(Image.fromarray(PIXELS).convert("CMYK")), WHOLE),
    "several JPEGs in one": (SEVERAL, WHOLE),
    "a film after the JPEG": (jpeg() + b"\xff\xda\0\2" * 200, WHOLE),
    "a picture in its notes": (jpeg(comment=jpeg() * 40), WHOLE),
    "signature alone": (png()[:8], DAMAGED), "JPEG's alone": (jpeg()[:3], DAMAGED),
    "empty": (b"", DAMAGED), "text": (b"a picture\n" * 99, DAMAGED),
    "a web page": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", DAMAGED),
    "GIF": (jpeg(kind="GIF"), DAMAGED), "TIFF": (jpeg(kind="TIFF"), DAMAGED),
    "BMP": (jpeg(kind="BMP"), DAMAGED), "PPM": (b"P6 2 1 255 " + bytes(6), DAMAGED),
    "a zip": (b"PK\3\4" + bytes(99), DAMAGED),
}


def read_all(paths):
    """What a process of its own says of each file, with its megabytes and seconds."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", READER, *paths],
                          capture_output=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr
    return {row[0]: row[1:] for row in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    folder, names = tmp_path_factory.mktemp("pictures"), {}
    for k, (name, (data, _)) in enumerate(FILES.items()):
        names[name] = str(folder / f"{k}.png")       # whatever it is
        (folder / f"{k}.png").write_bytes(data)
    said = read_all(names.values())
    return {name: (path, *said[path]) for name, path in names.items()}


@pytest.mark.parametrize("name", FILES)
def test_a_picture_made_to_harm_costs_little(name, answers):
    (path, answer, megabytes, seconds), expected = answers[name], FILES[name][1]
    if isinstance(expected, list):
        assert answer == list(read(path).shape) == expected
    else:
        with pytest.raises(ValueError, match=expected) as refusal:
            read(path)
        assert answer == str(refusal.value)
    assert megabytes < 100 and seconds < 2


def test_a_photograph_of_48_megapixels_is_read_in_bounded_memory(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(Image.new("RGB", (8000, 6000), (200, 100, 50))))
    (answer, megabytes, _), = read_all([str(path)]).values()
    assert answer == [6000, 8000, 3] and megabytes < 800


def test_a_file_that_is_too_large_is_refused_unread(tmp_path):
    with open(tmp_path / "a.png", "wb") as file:
        file.write(png())
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(ValueError, match="has 300,000,001 bytes; at most 300,000,000"):
        read(tmp_path / "a.png")


def test_an_interlaced_picture_is_read_exactly(tmp_path):
    (tmp_path / "a.png").write_bytes(FILES["interlaced"][0])
    assert (read(tmp_path / "a.png") == PIXELS).all()


def test_a_flipped_bit_of_a_png_is_refused_or_changes_no_pixel(tmp_path):
    pixels, refused = PIXELS[:8, :7], 0
    whole = jpeg(pixels, kind="PNG")
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        (tmp_path / "a.png").write_bytes(damaged)
        try:
            assert (read(tmp_path / "a.png") == pixels).all(), place
        except ValueError:
            refused += 1
    assert refused > 0.9 * len(whole)                # the others close the file


def test_notes_of_a_camera_that_cannot_be_read_turn_nothing(tmp_path):
    exif = Image.Exif()
    exif[0x010f], exif[0x0112] = "maker", 3          # hold it upside down
    notes = exif.tobytes()
    (tmp_path / "a.png").write_bytes(jpeg(kind="PNG", exif=notes))
    assert (read(tmp_path / "a.png") == PIXELS[::-1, ::-1]).all()
    for damaged in notes[:9], notes[:20], b"Exif\0\0nothing", notes[:14] + b"\xff" * 9:
        for kind in "PNG", "JPEG":
            plain = jpeg(kind=kind)
            (tmp_path / "a.png").write_bytes(plain)
            expected = read(tmp_path / "a.png")
            (tmp_path / "a.png").write_bytes(jpeg(kind=kind, exif=damaged))
            assert (read(tmp_path / "a.png") == expected).all()
