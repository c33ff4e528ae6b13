"""What is kept of the states that a reader of sequences went through."""

import numpy as np

from numnet.shapes import expect, expect_lengths


def last_step(h):
    r"""Keep the state after the last step, which has read the whole sequence.

    (last_step.1)  y_{no} = h_{n,T-1,o}
    (last_step.2)  dh_{nto} = [t = T - 1]\, dy_{no}

    h (n, t, o)   →   y (n, o); T is the number of steps. Since rnn carries the state of
    a sequence that has ended, this is the state after each one's own last step.
    """
    expect("last_step", h=(h, "n t o"))
    if h.shape[1] == 0:
        raise ValueError("last_step: h must have at least one time step, got 0")
    y = h[:, -1]                                     # (last_step.1)

    def backward(dy):
        dh = np.zeros(h.shape, h.dtype)
        dh[:, -1] = dy                               # (last_step.2)
        return dh

    return y, backward


def mean_step(h, *, lengths):
    r"""Take the mean of each sequence's own steps.

    (mean_step.1)  y_{no} = \frac{1}{l_n} \sum_t [t < l_n]\, h_{nto}
    (mean_step.2)  dh_{nto} = \frac{1}{l_n}\, [t < l_n]\, dy_{no}

    h (n, t, o)   l = lengths (n)   →   y (n, o). Padding does not count.
    Raises ValueError when a length is outside 1..t.
    """
    expect("mean_step", h=(h, "n t o"))
    real = expect_lengths("mean_step", lengths, *h.shape[:2])
    share = (real / real.sum(axis=1, keepdims=True)).astype(h.real.dtype)
    y = (share * np.where(real, h, 0)).sum(axis=1)   # (mean_step.1)

    def backward(dy):
        dh = share * dy[:, None]                     # (mean_step.2)
        return dh

    return y, backward
