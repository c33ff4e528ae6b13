"""Where weights start: drawn from a Generator so that signals keep their size.

All return float32 arrays. Shapes are those of the layers: a matrix (i, o), or a
kernel (o, c, i, j). Raise ValueError for a shape of fewer than two sizes or one below
1, TypeError for a size that is no whole number or an rng that is no Generator.
"""

import numpy as np

from numnet.shapes import expect_generator, expect_real, whole


def fans(shape):
    """The number of inputs and outputs that one weight of this shape connects."""
    if len(shape) == 2:
        return shape
    outputs, inputs, *kernel = shape
    return inputs * int(np.prod(kernel)), outputs * int(np.prod(kernel))


def he(shape, rng):
    """Normal weights of variance 2 / inputs, which keeps the size of signals that
    pass a relu. Source: He et al. 2015, equation 10 (arXiv 1502.01852)."""
    _expect_draw("he", shape, rng)
    return normal(shape, rng, np.sqrt(2 / fans(shape)[0]))


def xavier(shape, rng):
    """Uniform weights of variance 2 / (inputs + outputs), for tanh and the last layer.
    Source: Glorot and Bengio 2010, equation 16."""
    _expect_draw("xavier", shape, rng)
    bound = np.sqrt(6 / sum(fans(shape)))
    return rng.uniform(-bound, bound, shape).astype(np.float32)


def orthogonal(shape, rng):
    """Columns (or rows, of a wide matrix) at right angles and of length 1, so that a
    state multiplied by it many times neither fades nor explodes.
    Source: Saxe et al. 2014 (arXiv 1312.6120)."""
    _expect_draw("orthogonal", shape, rng, most=2)
    rows, columns = shape
    q, r = np.linalg.qr(rng.normal(size=(max(shape), min(shape))))
    q = q * np.sign(np.diagonal(r))                  # makes the draw uniform
    return np.ascontiguousarray(q if rows >= columns else q.T, dtype=np.float32)


def normal(shape, rng, std):
    """Normal weights of this standard deviation."""
    _expect_draw("normal", shape, rng)
    expect_real("normal", "std", std)
    if not 0 <= std < np.inf:
        raise ValueError(f"normal: std must be 0 or more, got {std}")
    return (std * rng.standard_normal(shape)).astype(np.float32)


def _expect_draw(op, shape, rng, most=np.inf):
    expect_generator(op, rng)
    if not isinstance(shape, tuple) or not 2 <= len(shape) <= most:
        raise ValueError(f"{op}: shape must be a tuple of "
                         f"{'two' if most == 2 else 'at least two'} sizes, got {shape}")
    for size in shape:
        whole(op, f"each size of shape {shape}", size, 1)
