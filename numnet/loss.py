"""Losses: one number that says how wrong, and the gradient that starts every backward.

A loss is an op whose value is a scalar, the mean over what it is given. Its backward
takes the gradient of that scalar, 1 if not given: `dz = backward()`.
"""

import numpy as np

from numnet.shapes import expect, expect_float, expect_ids, row_blocks, whole

BLOCK = 2 ** 17        # scores at a time: they and their exponentials stay in the cache
BUFFER = 512           # numbers: what repeats along a longer row NumPy reads in place


def cross_entropy(z, *, label, ignore_index=None):
    r"""Compare scores (logits) of o classes with the right class of each row.

    (cross_entropy.1)  L = -\frac{1}{N} \sum_n \log p_{n,l_n}
    (cross_entropy.2)  p_{no} = \frac{e^{z_{no}}}{\sum_k e^{z_{nk}}}
    (cross_entropy.3)  dz_{no} = \frac{dL}{N}\, (p_{no} - [o = l_n])

    z (..., o)   l = label (...) of integers   →   L, a scalar; n runs over all leading
    axes, N is their number. Positions whose label is ignore_index (padding, say) count
    neither in the sum nor in N, and get gradient 0. z are scores, not probabilities:
    softmax is inside, and log p is z - log Σ e^z, which is finite where p rounds to 0.
    Raises TypeError for labels that are not integers; ValueError for one outside
    0..o-1, for a batch that is empty or wholly ignored.
    Source: Goodfellow et al. 2016, equation 6.31.
    """
    z = as_float(z)
    expect("cross_entropy", z=(z, "... o"))
    if z.shape[-1] == 0:
        raise ValueError(f"cross_entropy: z must have classes (o), got shape {z.shape}")
    if ignore_index is not None:
        whole("cross_entropy", "ignore_index", ignore_index, -np.inf)
    expect_ids("cross_entropy", "label", label, z.shape[:-1], z.shape[-1], ignore_index)
    rows = z.reshape(-1, z.shape[-1])
    label, ignored = label.ravel(), []
    if ignore_index is not None:
        ignored = np.flatnonzero(label == ignore_index)
        label = np.where(label == ignore_index, 0, label)
    count = len(rows) - len(ignored)
    if count == 0:
        raise ValueError("cross_entropy: the batch has no label to learn from")
    blocks, every = row_blocks(rows, BLOCK), np.arange(len(rows))
    ones, room = np.ones(rows.shape[1], z.dtype), np.empty_like(rows[blocks[0]])
    e, total, top = np.empty_like(rows), *np.empty((2, len(rows)), z.dtype)
    with np.errstate():                              # whose end restores the buffer
        np.setbufsize(BUFFER)
        for n in blocks:
            largest = rows[n].real.argmax(axis=1)    # sooner found than by max
            top[n] = rows[n].real[every[:len(largest)], largest]
            shifted = np.subtract(rows[n], top[n, None], out=room[:len(largest)])
            total[n] = np.exp(shifted, out=e[n]) @ ones
    right = rows[every, label] - top
    log_p = right - np.log(total)
    log_p[ignored] = 0
    loss = -log_p.sum() / count                                  # (cross_entropy.1)

    def backward(dloss=1.0):
        share = z.dtype.type(dloss / count)
        with np.errstate():                          # as above
            np.setbufsize(BUFFER)
            p = e * (share / total)[:, None]   # times dL / N already: (cross_entropy.2)
        p[every, label] -= share
        p[ignored] = 0
        dz = p.reshape(z.shape)                                  # (cross_entropy.3)
        return dz

    return loss, backward


def binary_cross_entropy(z, *, target):
    r"""Compare scores (logits) of yes with the truth, 1 for yes and 0 for no.

    (binary_cross_entropy.1)  L = \frac{-1}{N}\sum_n(t_n \log p_n + (1-t_n) \log(1-p_n))
    (binary_cross_entropy.2)  p_n = \frac{1}{1 + e^{-z_n}}
    (binary_cross_entropy.3)  dz_n = \frac{dL}{N}\, (p_n - t_n)

    z of any shape   t = target, of the same shape, each in 0 … 1   →   L, a scalar; n
    runs over all entries, N is their number. The sum is computed as
    max(z, 0) - t z + log(1 + e^{-|z|}), the same number without an overflow.
    Raises ValueError for a target of another shape or outside 0 … 1, or an empty batch.
    Source: Goodfellow et al. 2016, section 6.2.2.2.
    """
    z = as_float(z)
    target = _target("binary_cross_entropy", "z", z, target)
    if not ((target >= 0) & (target <= 1)).all():
        raise ValueError("binary_cross_entropy: target must be in 0..1, "
                         f"got {target.min()} to {target.max()}")
    size = np.where(z.real > 0, z, -z)                           # |z|
    terms = np.maximum(z, 0) - target * z + np.log1p(np.exp(-size))
    loss = terms.sum() / z.size                        # (binary_cross_entropy.1)

    def backward(dloss=1.0):
        p = 0.5 + 0.5 * np.tanh(0.5 * z)               # (binary_cross_entropy.2)
        dz = (p - target) * z.dtype.type(dloss / z.size)  # (binary_cross_entropy.3)
        return dz

    return loss, backward


def mse(y, *, target):
    r"""Take the mean squared difference from the truth.

    (mse.1)  L = \frac{1}{N} \sum_n (y_n - t_n)^2
    (mse.2)  dy_n = dL\, \frac{2}{N}\, (y_n - t_n)

    y of any shape   t = target, of the same shape   →   L, a scalar; n runs over all
    entries, N is their number (columns too, not the examples alone).
    Raises ValueError for a target of another shape, which NumPy would broadcast, or an
    empty batch. Source: Goodfellow et al. 2016, equation 5.4.
    """
    y = as_float(y)
    target = _target("mse", "y", y, target)
    difference = y - target
    loss = (difference * difference).sum() / y.size                # (mse.1)

    def backward(dloss=1.0):
        dy = difference * y.dtype.type(2 * dloss / y.size)         # (mse.2)
        return dy

    return loss, backward


def contrastive(u, v, s):
    r"""Ask of n pairs which v belongs to each u, and which u to each v.

    (contrastive.1)  z_{nk} = e^s \sum_o u_{no}\, v_{ko}
    (contrastive.2)  A = -\frac{1}{N} \sum_n \log p_{nn}
    (contrastive.3)  B = -\frac{1}{N} \sum_n \log q_{nn}
    (contrastive.4)  L = \frac{1}{2} (A + B)
    (contrastive.5)  dz_{nk} = \frac{dL}{2N}\, (p_{nk} + q_{nk} - 2\, [n = k])
    (contrastive.6)  du_{no} = e^s \sum_k dz_{nk}\, v_{ko}
    (contrastive.7)  dv_{ko} = e^s \sum_n dz_{nk}\, u_{no}
    (contrastive.8)  ds = \sum_{nk} dz_{nk}\, z_{nk}

    u, v (n, o), rows of length 1 (see l2_normalize)   s, a 0-d array   →   L, a scalar.
    p_{nk} = e^{z_{nk}} / \sum_j e^{z_{nj}} are shares along a row, q_{nk} =
    e^{z_{nk}} / \sum_j e^{z_{jk}} down a column; both are cross-entropies whose right
    answer is the diagonal. e^s is one over the temperature; in the source it begins as
    1/0.07 and is kept to 100 at most. Every other row of the batch is a wrong answer,
    even one that is the same. Scores all alike give L = log N; one pair alone gives 0.
    Raises ValueError when u and v differ in shape, for no rows, or an s with axes.
    Source: Radford et al. 2021, figure 3 (arXiv 2103.00020).
    """
    s = np.asarray(s) if isinstance(s, np.generic) else s   # as an optimiser leaves it
    expect_float("contrastive", "s", s)
    expect("contrastive", u=(u, "n o"), v=(v, "n o"))
    if s.ndim or len(u) == 0:
        raise ValueError("contrastive: s must have no axes and u have rows, "
                         f"got shapes {s.shape} and {u.shape}")
    scale, every = np.exp(s), np.arange(len(u))
    z = scale * (u @ v.T)                                        # (contrastive.1)
    a, a_backward = cross_entropy(z, label=every)                # (contrastive.2)
    b, b_backward = cross_entropy(z.T, label=every)              # (contrastive.3)
    loss = (a + b) / 2                                           # (contrastive.4)

    def backward(dloss=1.0):
        dz = a_backward(dloss / 2) + b_backward(dloss / 2).T     # (contrastive.5)
        du = scale * (dz @ v)                                    # (contrastive.6)
        dv = scale * (dz.T @ u)                                  # (contrastive.7)
        ds = (dz * z).sum()                                      # (contrastive.8)
        return du, dv, ds

    return loss, backward


def as_float(z):
    """Whole-number scores as float64; float and complex scores as they are."""
    integer = isinstance(z, np.ndarray) and z.dtype.kind in "iu"
    return z.astype(np.float64) if integer else z


def _target(op, name, z, target):
    """The target as real numbers of the precision of z, after a check of its shape."""
    expect_float(op, name, z)
    if not isinstance(target, np.ndarray) or target.dtype.kind not in "iuf":
        kind = getattr(target, "dtype", type(target).__name__)
        raise TypeError(f"{op}: target must be an array of real numbers, got {kind}")
    if target.shape != z.shape:
        raise ValueError(f"{op}: target has shape {target.shape} "
                         f"but {name} has {z.shape}")
    if target.size == 0:
        raise ValueError(f"{op}: the batch must not be empty")
    return target.astype(z.real.dtype)
