"""From a picture file to the numbers a network reads."""

import re
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np

from numnet.shapes import whole

MOST_PIXELS, MOST_BYTES, MOST_SCANS = 50_000_000, 300_000_000, 100
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")     # of a JPEG, with its length


def read(path):
    """Read a PNG or JPEG picture as it is meant to be seen.

    path   →   (h, w, 3) uint8. The kind is told by the file's first bytes, not by its
    name. A camera's rotation is applied (one that cannot be read is none), gray becomes
    three equal channels, a palette its colours, and what is transparent shows white.
    Raises FileNotFoundError when there is no such file, ValueError when it is no whole
    8-bit PNG or JPEG, or when to decode it would take too long or too much memory:
    more than 50 megapixels, 300 megabytes, or 100 scans (passes over all pixels of a
    JPEG; cameras write one, a progressive picture about ten). All three are asked
    before anything is decoded.
    """
    from PIL import Image, ImageOps
    if not Path(path).is_file():
        raise FileNotFoundError(f"read: there is no picture {path}")
    try:
        with open(path, "rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")          # of a camera's damaged notes
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if (size := Path(path).stat().st_size) > MOST_BYTES:
                raise _Refused(f"has {size:,} bytes; at most {MOST_BYTES:,} are read")
            head = file.read(25)
            if head.startswith(PNG) and head[-1] == 16:
                raise _Refused("has 16 bits per channel; 8 are expected")
            if head.startswith(JPEG) and (scans := _scans(head + file.read())) \
                    > MOST_SCANS:
                raise _Refused(f"has {scans} scans; at most {MOST_SCANS} are read")
            file.seek(0)
            picture = Image.open(file, formats=("PNG", "JPEG"))
            if picture.width * picture.height > MOST_PIXELS:
                raise _Refused(f"declares {picture.width} x {picture.height} pixels; "
                               f"at most {MOST_PIXELS:,} are read")
            picture.load()
            with suppress(Exception):
                picture = ImageOps.exif_transpose(picture)
            if "A" in picture.getbands() or "transparency" in picture.info:
                picture = picture.convert("RGBA")
                white = Image.new("RGBA", picture.size, "white")
                picture = Image.alpha_composite(white, picture)
            return np.array(picture.convert("RGB"))
    except _Refused as error:
        raise ValueError(f"read: {path} {error}") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise ValueError(f"read: {path} declares too many pixels; at most "
                         f"{MOST_PIXELS:,} are read") from None
    except Exception as error:            # a damaged file makes Pillow raise any kind
        raise ValueError(f"read: {path} is not a whole PNG or JPEG picture "
                         f"({type(error).__name__})") from error


class _Refused(Exception):
    pass


def _scans(data):
    """How many scans a JPEG has, up to its end; those of a picture in its notes not."""
    scans, place = 0, 2
    while (marker := MARKER.search(data, place)) and marker[1] != b"\xd9":
        scans += marker[1] == b"\xda"
        place = marker.end()
        place += int.from_bytes(data[place:place + 2], "big")
    return scans


def resize(image, size):
    """Fit a picture of any shape into a square, without stretching it.

    image (h, w, 3) uint8   →   (size, size, 3) uint8. The longer side becomes `size`,
    by a bilinear filter as wide as the step (so that nothing is skipped), and the rest
    is filled with the median colour of the picture's border: a circle stays a circle,
    and a plain background goes on. Raises TypeError for what are no bytes, ValueError
    for another shape or a size below 1.
    """
    from PIL import Image
    expect_uint8("resize", "image", image, "(h, w, 3)")
    size = whole("resize", "size", size, 1)
    h, w, _ = image.shape
    rows, columns = (max(1, round(side * size / max(h, w))) for side in (h, w))
    small = Image.fromarray(image).resize((columns, rows), Image.Resampling.BILINEAR)
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    square = np.empty((size, size, 3), np.uint8)
    square[:] = np.median(border, axis=0).round()
    top, left = (size - rows) // 2, (size - columns) // 2
    square[top:top + rows, left:left + columns] = small
    return square


def to_float(images):
    """Turn bytes into shares of full light: uint8 0 … 255 to float32 0 … 1.

    images (..., h, w, 3) uint8   →   the same shape, float32.
    Raises TypeError for what are no bytes, ValueError for another shape.
    """
    expect_uint8("to_float", "images", images, "(..., h, w, 3)")
    return images / np.float32(255)


def downsample(images, factor):
    """Replace each block of factor × factor pixels by its mean.

    images (..., h, w, c)   →   (..., h/factor, w/factor, c), float64 where the images
    are, otherwise float32. Raises TypeError for what are no real numbers, ValueError
    where the factor does not divide h and w.
    """
    _expect_numbers("downsample", images, "uif")
    if images.ndim < 3 or images.size == 0:
        raise ValueError("downsample: images must have axes (..., h, w, c), none of "
                         f"them empty, got shape {images.shape}")
    h, w = images.shape[-3:-1]
    factor = whole("downsample", "factor", factor, 1)
    if h % factor or w % factor:
        raise ValueError("downsample: factor must divide the picture's "
                         f"{h} x {w} pixels, got {factor}")
    dtype = np.float64 if images.dtype == np.float64 else np.float32
    total = np.zeros((*images.shape[:-3], h // factor, w // factor,
                      images.shape[-1]), dtype)
    for i in range(factor):
        for j in range(factor):
            total += images[..., i::factor, j::factor, :]
    total /= factor * factor
    return total


def standardize(images, mean=None, std=None):
    """Shift and scale each channel to mean 0 and standard deviation 1.

    images (..., h, w, c) float   →   images, mean (c,), std (c,). Where mean and std
    are given they are used: test images are shifted and scaled as the training images
    were. A channel that is the same everywhere (a std below a millionth of its mean) is
    only shifted. Raises TypeError for bytes (see to_float), ValueError for no images,
    a mean or std of another shape or a std below 0.
    """
    _expect_numbers("standardize", images, "f")
    if images.ndim < 3 or images.size == 0:
        raise ValueError("standardize: images must have axes (..., h, w, c), none of "
                         f"them empty, got shape {images.shape}")
    axes = tuple(range(images.ndim - 1))
    if mean is None:
        mean = images.mean(axis=axes, dtype=np.float64)
    if std is None:
        std = images.std(axis=axes, dtype=np.float64)
    for name, value in ("mean", mean), ("std", std):
        if np.shape(value) != images.shape[-1:]:
            raise ValueError(f"standardize: {name} must have one number for each of "
                             f"{images.shape[-1]} channels, got {np.shape(value)}")
    mean, std = np.asarray(mean, images.dtype), np.asarray(std, images.dtype)
    if not (std >= 0).all():
        raise ValueError(f"standardize: std must be 0 or more, got {std}")
    scale = np.where(std > 1e-6 * np.abs(mean), std, 1)
    return (images - mean) / scale.astype(images.dtype), mean, std


def prepare(images, factor=2):
    """Shrink pictures and invert them, so that a pale background is near zero.

    images (n, h, w, 3) uint8   →   (n, 3, h/factor, w/factor) float32, 1 - mean/255.
    In memory the channels come last, behind a transposed view. Raises TypeError for
    what are no bytes, ValueError for another shape or a factor that does not divide it.
    """
    expect_uint8("prepare", "images", images, "(n, h, w, 3)")
    x = downsample(images, factor)
    x /= -255
    x += 1
    return x.transpose(0, 3, 1, 2)


def expect_uint8(function, name, images, axes):
    """Refuse anything but uint8 pictures with these axes, channels last, none empty."""
    ndim = len(axes.split(","))
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        raise TypeError(f"{function}: {name} must be uint8 with axes {axes}, got "
                        f"{getattr(images, 'dtype', type(images).__name__)}")
    if (images.ndim < 3 or images.shape[-1] != 3 or images.size == 0
            or images.ndim != ndim and "..." not in axes):
        raise ValueError(f"{function}: {name} must be uint8 with axes {axes}, "
                         f"none of them empty, got shape {images.shape}")


def _expect_numbers(function, images, kinds):
    if not isinstance(images, np.ndarray) or images.dtype.kind not in kinds:
        what = "floats" if kinds == "f" else "real numbers"
        raise TypeError(f"{function}: images must be an array of {what}, got "
                        f"{getattr(images, 'dtype', type(images).__name__)}")
