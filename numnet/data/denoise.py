"""Noise on pictures, and filters that take some of it away again.

Everything here takes and returns uint8 pictures (n, h, w, 3) and leaves the given ones
as they were. Noise is drawn from the Generator passed in, so the same one gives the
same pictures. Where a filter looks beyond an edge it sees the picture mirrored there,
the outermost pixel twice: b a | a b c (SciPy's mode "reflect"). Pictures that are no
bytes, and settings that are no numbers, raise TypeError.
"""

import numpy as np

from numnet.data.images import expect_uint8
from numnet.shapes import expect_generator, expect_real, whole

AXES = "(n, h, w, 3)"


def salt_and_pepper(images, share, rng):
    """Make a random share of the pixels white or black, as a faulty sensor does.

    images (n, h, w, 3) uint8   →   the same. Each pixel is spoilt with probability
    `share`, in all three channels at once, and then is white or black equally often.
    Raises ValueError for other images, or a share outside 0 … 1.
    """
    expect_uint8("salt_and_pepper", "images", images, AXES)
    expect_real("salt_and_pepper", "share", share)
    if not 0 <= share <= 1:
        raise ValueError(f"salt_and_pepper: share must be in 0..1, got {share}")
    expect_generator("salt_and_pepper", rng)
    draw = rng.random((*images.shape[:3], 1))
    extreme = np.where(draw < share / 2, np.uint8(0), np.uint8(255))
    return np.where(draw < share, extreme, images)


def gaussian_noise(images, std, rng):
    """Add to every channel of every pixel a random number of its own.

    images (n, h, w, 3) uint8   →   the same, rounded and cut off at 0 and 255. The
    numbers are normal, of mean 0 and standard deviation std, in steps of 0 … 255.
    Raises ValueError for other images, or a negative std.
    """
    expect_uint8("gaussian_noise", "images", images, AXES)
    expect_real("gaussian_noise", "std", std)
    if not 0 <= std < np.inf:
        raise ValueError(f"gaussian_noise: std must be 0 or more, got {std}")
    expect_generator("gaussian_noise", rng)
    std = np.float32(min(std, 1e30))                 # beyond 1e38 it would overflow
    noise = rng.standard_normal(images.shape, np.float32) * std
    return _to_uint8(images + noise)


def median_filter(images, size=3):
    """Replace each number by the median of the square around it.

    images (n, h, w, 3) uint8   →   the same. The square has size × size pixels, each
    channel is sorted by itself, and the middle one of the size² numbers stays. A white
    or black pixel is sorted to an end, so on even ground it leaves no trace; but a line
    thinner than half the square vanishes too, and corners are rounded off.
    Raises ValueError for other images, or a size that is not odd or beyond them.
    """
    expect_uint8("median_filter", "images", images, AXES)
    if whole("median_filter", "size", size, 1) % 2 != 1:
        raise ValueError(f"median_filter: size must be odd, got {size}")
    _expect_reach("median_filter", images, size // 2)
    h, w = images.shape[1:3]
    padded = _mirrored(images, size // 2, size // 2)
    planes = [padded[:, i:i + h, j:j + w] for i in range(size) for j in range(size)]
    middle = len(planes) // 2
    for k in range(middle + 1):            # the smallest of the rest comes to place k
        for j in range(k + 1, len(planes)):
            planes[k], planes[j] = (np.minimum(planes[k], planes[j]),
                                    np.maximum(planes[k], planes[j]))
    return planes[middle].copy()


def gaussian_filter(images, sigma=1.0):
    """Replace each number by a mean of those around it, the nearer the weightier.

    images (n, h, w, 3) uint8   →   the same, rounded. The weight at a distance of i
    rows and j columns is exp(-(i² + j²) / 2 sigma²), which is a product, so rows are
    averaged first and then columns; weights end at 4 sigma and add up to 1. A spoilt
    pixel is not removed but spread, and edges become slopes.
    Raises ValueError for other images, or a sigma not above 0 or beyond them.
    """
    expect_uint8("gaussian_filter", "images", images, AXES)
    expect_real("gaussian_filter", "sigma", sigma)
    if not 0 < sigma < np.inf:
        raise ValueError(f"gaussian_filter: sigma must be above 0, got {sigma}")
    reach = int(4 * min(sigma, 1e9) + 0.5)           # 1e308 times 4 is no number
    _expect_reach("gaussian_filter", images, reach)
    weight = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weight = (weight / weight.sum()).astype(np.float32)
    h, w = images.shape[1:3]
    padded = _mirrored(images, reach, 0)
    rows = sum(g * padded[:, i:i + h] for i, g in enumerate(weight))
    padded = _mirrored(rows, 0, reach)
    return _to_uint8(sum(g * padded[:, :, j:j + w] for j, g in enumerate(weight)))


NOISE = {"salt-and-pepper": (salt_and_pepper, float),
         "gaussian": (gaussian_noise, float)}
FILTERS = {"median": (median_filter, int), "gaussian": (gaussian_filter, float)}


def add_noise(images, choice, rng):
    """Spoil pictures as a command asks: "salt-and-pepper:0.05" or "gaussian:20".

    Raises ValueError for another name, or no number or an unfit one after it.
    """
    noise, number = _read("noise", choice, NOISE)
    if not number:
        raise ValueError(f"noise: {choice} needs a number, as in salt-and-pepper:0.05")
    return noise(images, *number, rng)


def remove_noise(images, choice):
    """Filter pictures as a command asks: "median", "median:5" or "gaussian:0.8".

    Raises ValueError for another name, or an unfit number after it.
    """
    denoise, number = _read("denoise", choice, FILTERS)
    return denoise(images, *number)


def _read(option, choice, known):
    """The function that "name:number" names, and its number, none without a colon."""
    if not isinstance(choice, str):
        raise TypeError(f"{option}: must be a name and a number, as in gaussian:1, got "
                        f"{type(choice).__name__}")
    name, colon, number = choice.partition(":")
    if name not in known:
        raise ValueError(f"{option}: must be one of {', '.join(known)}, got {name!r}")
    function, kind = known[name]
    try:
        return function, [kind(number)] if colon else []
    except ValueError:
        raise ValueError(f"{option}: {name} needs a number, got {number!r}") from None


def _mirrored(images, rows, columns):
    """Pictures with so many more rows and columns, mirrored, on either side."""
    pad = ((0, 0), (rows, rows), (columns, columns), (0, 0))
    return np.pad(images, pad, mode="symmetric")


def _expect_reach(function, images, reach):
    if reach > min(images.shape[1:3]):
        raise ValueError(f"{function}: the filter reaches {reach} pixels far, but the "
                         f"images have {images.shape[1]} x {images.shape[2]}")


def _to_uint8(x):
    return np.clip(np.rint(x), 0, 255).astype(np.uint8)
