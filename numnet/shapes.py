"""The shape check: the letters of the formula are the letters of the check.

`expect("linear", x=(x, "... i"), w=(w, "i o"), b=(b, "o"))` says that x has any
number of leading axes and then i features, that w is an i by o matrix, and that
the same letter means the same size. So an op documents its shapes, and refuses
everything else, in one line, and nothing broadcasts by accident.
"""

import numbers

import numpy as np

AXES = {
    "n": "examples", "c": "input channels", "o": "output features",
    "i": "input features", "h": "rows", "w": "columns", "t": "time steps",
    "u": "keys", "v": "table rows",
}


def expect(op, **arguments):
    """Check the kind, the number of axes and the letters of each array of an op.

    Each argument is (array, letters): letters separated by spaces, where a letter
    that comes again must have the same size again, and a leading "..." stands for any
    number of axes, the same ones wherever it comes again. Raises TypeError for anything
    but an array of float32, float64 or complex numbers, and ValueError for a shape
    that does not fit.
    """
    seen = {}                                        # letter -> (size, argument)
    for name, (array, letters) in arguments.items():
        expect_float(op, name, array)
        letters = letters.split()
        free = letters[0] == "..."
        letters = letters[free:]
        if array.ndim < len(letters) or array.ndim > len(letters) and not free:
            axes = ", ".join(["..."] * free + letters)
            raise ValueError(f"{op}: {name} must have axes ({axes}), "
                             f"got shape {array.shape}")
        if free:
            leading = array.shape[:array.ndim - len(letters)]
            _same(op, seen, "...", leading, name)
        for letter, size in zip(letters, array.shape[array.ndim - len(letters):]):
            _same(op, seen, letter, size, name)


def _same(op, seen, letter, size, name):
    known, where = seen.setdefault(letter, (size, name))
    if size != known:
        if letter == "...":
            raise ValueError(f"{op}: {name} has leading axes {size} "
                             f"but {where} has {known}")
        axis = AXES.get(letter, "entries")
        raise ValueError(f"{op}: {name} has {size} {axis} ({letter}) "
                         f"but {where} has {known}")


def expect_float(op, name, array):
    """Refuse anything but an array of float32, float64 or complex numbers.

    float16 is refused too: its sums over a batch lose what a gradient check needs.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{op}: {name} must be a NumPy array, "
                        f"got {type(array).__name__}")
    if array.dtype.kind not in "fc" or array.dtype.itemsize < 4:
        raise TypeError(f"{op}: {name} must hold float32, float64 or complex numbers, "
                        f"got {array.dtype}")


def expect_ids(op, name, ids, shape, size, besides=None, least=0):
    """Check integer ids or labels: an array of this shape, each in least … size - 1.

    shape None allows any; `besides` is one more id that is allowed. Raises TypeError
    when not an array of integers (a bool is none), ValueError for a wrong shape or an
    id out of range. NumPy would take -1 from the end.
    """
    if not isinstance(ids, np.ndarray) or ids.dtype.kind not in "iu":
        kind = ids.dtype if isinstance(ids, np.ndarray) else type(ids).__name__
        raise TypeError(f"{op}: {name} must be an array of integers, got {kind}")
    if shape is not None and ids.shape != shape:
        raise ValueError(f"{op}: {name} must have shape {shape}, got {ids.shape}")
    wrong = (ids < least) | (ids >= size)
    if besides is not None:
        wrong &= ids != besides
    if wrong.any():
        raise ValueError(f"{op}: {name} must be in {least}..{size - 1}, "
                         f"got {ids[wrong][0]}")


def expect_lengths(op, lengths, n, t):
    """Check the lengths of n sequences of at most t steps; say which steps are real.

    Returns booleans (n, t, 1). Raises ValueError when t is 0 or a length is outside
    1..t, TypeError when lengths are not integers.
    """
    if t == 0:
        raise ValueError(f"{op}: x must have at least one time step, got 0")
    if lengths is None:
        lengths = np.full(n, t)
    expect_ids(op, "lengths", lengths, (n,), t + 1, least=1)
    return (np.arange(t) < lengths[:, None])[:, :, None]


def whole(op, name, value, least):
    """Read a whole number of at least `least`; True is none, and neither is 2.0."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        raise TypeError(f"{op}: {name} must be a whole number, got {value!r}")
    if value < least:
        raise ValueError(f"{op}: {name} must be at least {least}, got {value}")
    return int(value)


def expect_one_of(op, name, value, choices):
    """Refuse a name that is none of the choices."""
    if value not in choices:
        raise ValueError(f"{op}: {name} must be one of {', '.join(choices)}, "
                         f"got {value!r}")


def expect_bool(op, name, value):
    """Refuse anything but True or False: "no" would count as True."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{op}: {name} must be True or False, got {value!r}")


def expect_real(op, name, value):
    """Refuse anything but a real number, of Python or of NumPy."""
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise TypeError(f"{op}: {name} must be a real number, got {value!r}")


def expect_generator(op, rng):
    """Refuse anything that random numbers cannot be drawn from."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"{op}: rng must be a NumPy Generator, got "
                        f"{type(rng).__name__}")


def pair(op, name, value, least):
    """Read a whole number, or one for rows and one for columns, of at least `least`."""
    two = value if isinstance(value, tuple) else (value, value)
    if len(two) != 2 or not all(isinstance(v, numbers.Integral)
                                and not isinstance(v, bool) for v in two):
        raise TypeError(f"{op}: {name} must be a whole number or a pair of them, "
                        f"got {value!r}")
    if min(two) < least:
        raise ValueError(f"{op}: {name} must be at least {least}, got {value}")
    return int(two[0]), int(two[1])


def row_blocks(x, numbers):
    """Slices of the first axis, of `numbers` numbers or fewer, or of one row.

    The first is a largest; of an empty x it is all there is.
    """
    step = max(1, numbers // max(1, x[:1].size))
    return [slice(start, start + step) for start in range(0, max(1, len(x)), step)]
