"""Attention: every query looks at all keys and takes a mean of what they hold."""

import math

import numpy as np

from numnet.initialization import xavier
from numnet.linear import Linear
from numnet.module import Module
from numnet.shapes import expect, expect_bool, expect_ids, whole


CHUNK = 2 ** 18       # scores made at a time: 1 MB of float32, which stays in the cache
KEPT = 2 ** 23        # where there are more, backward makes the shares again: 32 MB


def attention(q, k, v, bias=None, *, mask=None, causal=False):
    r"""Let t queries look at u keys, and take from their values by similarity.

    (attention.1)  s_{tu} = \frac{1}{\sqrt{I}} \sum_i q_{ti}\, k_{ui} + bias_{tu}
    (attention.2)  p_{tu} = \frac{a_{tu}\, e^{s_{tu}}}{\sum_m a_{tm}\, e^{s_{tm}}}
    (attention.3)  y_{to} = \sum_u p_{tu}\, v_{uo}
    (attention.4)  dp_{tu} = \sum_o dy_{to}\, v_{uo}
    (attention.5)  ds_{tu} = p_{tu} \Big(dp_{tu} - \sum_o dy_{to}\, y_{to}\Big)
    (attention.6)  dq_{ti} = \frac{1}{\sqrt{I}} \sum_u ds_{tu}\, k_{ui}
    (attention.7)  dk_{ui} = \frac{1}{\sqrt{I}} \sum_t ds_{tu}\, q_{ti}
    (attention.8)  dv_{uo} = \sum_t p_{tu}\, dy_{to}
    (attention.9)  dbias_{tu} = ds_{tu}

    q (..., t, i)   k (..., u, i)   v (..., u, o)   bias (..., t, u), 0 if not given
    →   y (..., t, o), for each index of the leading axes by itself; I is the size of i.
    a_{tu} is 1 where query t may look at key u, else 0: where the boolean `mask`, that
    broadcasts to (..., t, u), is True, and with causal=True only where u <= t. A bias
    of -∞ forbids too. A query that may look at nothing gets zeros, and a zero
    gradient. In (attention.5) the sum is that of dp p over u, softmax's own.
    Raises ValueError when axes differ, TypeError for a mask that is not boolean.
    Source: Vaswani et al. 2017, equation 1 (arXiv 1706.03762).
    """
    expect("attention", q=(q, "... t i"), k=(k, "... u i"), v=(v, "... u o"),
           **({} if bias is None else {"bias": (bias, "... t u")}))
    if q.shape[-1] == 0:
        raise ValueError(f"attention: q must have features (i), got shape {q.shape}")
    expect_bool("attention", "causal", causal)
    shape = (*q.shape[:-1], k.shape[-2])                         # of the scores
    mask = _expect_mask(mask, shape)
    pieces = list(_pieces(shape))
    scale = q.real.dtype.type(1 / np.sqrt(q.shape[-1]))
    scaled = q * scale

    kept = None                                      # or all shares, in one array
    if math.prod(shape) <= KEPT:
        kept = _t(np.empty((*shape[:-2], shape[-1], shape[-2]), q.dtype))
    log_total = np.empty((*shape[:-1], 1), q.dtype)  # to make shares again

    def scores(piece):
        out = None if kept is None else _t(kept[piece])
        s = _t(np.matmul(k[piece[:-1]], _t(scaled[piece]), out=out))  # (attention.1)
        if bias is not None:
            s += bias[piece]
        if mask is not None:
            np.copyto(s, -np.inf, where=~mask[piece])
        if causal:
            at = np.arange(shape[-2])[piece[-1], None]
            np.copyto(s, -np.inf, where=at < np.arange(shape[-1]))
        return s

    y = np.empty((*q.shape[:-1], v.shape[-1]), q.dtype)
    for piece in pieces:
        s = scores(piece)
        top = s.real.max(axis=-1, keepdims=True, initial=-np.inf)
        top = np.where(top == -np.inf, 0, top)
        s -= top
        e = np.exp(s, out=s)
        total = e.sum(axis=-1, keepdims=True)
        total = np.where(total == 0, 1, total)       # of one that may look at nothing
        p = np.divide(e, total, out=e)                           # (attention.2)
        if kept is None:
            log_total[piece] = top + np.log(total)
        y[piece] = p @ v[piece[:-1]]                             # (attention.3)

    def shares(piece):
        """p, kept or made again: e^s over a query's total of e^s, by its logarithm."""
        if kept is not None:
            return kept[piece]
        s = scores(piece)
        s -= log_total[piece]
        return np.exp(s, out=s)

    def backward(dy):
        dq, dk, dv = (np.zeros(each.shape, each.dtype) for each in (q, k, v))
        dbias = None if bias is None else np.empty(shape, q.dtype)
        inner = (dy * y).sum(axis=-1, keepdims=True)
        for piece in pieces:
            n = piece[:-1]
            p = shares(piece)
            dp = _t(v[n] @ _t(dy[piece]))                        # (attention.4)
            dp -= inner[piece]
            ds = np.multiply(p, dp, out=dp)                      # (attention.5)
            dq[piece] = ds @ k[n] * scale                        # (attention.6)
            dk[n] += _t(ds) @ scaled[piece]                      # (attention.7)
            dv[n] += _t(p) @ dy[piece]                           # (attention.8)
            if bias is not None:
                dbias[piece] = ds                                # (attention.9)
        return (dq, dk, dv) if bias is None else (dq, dk, dv, dbias)

    return y, backward


def _pieces(shape):
    """Cut scores (..., t, u) into pieces of CHUNK or fewer, each with all u keys.

    An index (..., t) of slices for each, of whole matrices where these are small.
    """
    first, *rest = shape[:-1]
    size = max(1, math.prod(shape[1:]))
    step = max(1, CHUNK // size)
    for start in range(0, first, step):
        here = slice(start, min(start + step, first))
        if size <= CHUNK or not rest:
            yield (here, *[slice(None)] * len(rest))
        else:
            for piece in _pieces(shape[1:]):
                yield (here, *piece)


def _t(matrices):
    return matrices.swapaxes(-1, -2)


def _expect_mask(mask, shape):
    """The mask as an array of the scores' shape, without a copy."""
    if mask is None:
        return None
    if not isinstance(mask, np.ndarray) or mask.dtype != bool:
        kind = getattr(mask, "dtype", type(mask).__name__)
        raise TypeError("attention: mask must be a boolean array, True where a "
                        f"query may look, got {kind}")
    if mask.ndim > len(shape) or any(
            m not in (1, n) for m, n in zip(mask.shape[::-1], shape[::-1])):
        raise ValueError(f"attention: mask has shape {mask.shape}, which does not "
                         f"broadcast to the scores' {shape}")
    return np.broadcast_to(mask, shape)


def split_heads(x, *, heads):
    r"""Cut the features into heads, and let each head be a sequence of its own.

    (split_heads.1)  y_{nmti} = x_{n,\,t,\,mI+i}
    (split_heads.2)  dx_{n,\,t,\,mI+i} = dy_{nmti}

    x (n, t, heads I)   →   y (n, heads, t, I); m is the head, I the size of i.
    Raises ValueError when the heads do not divide the features.
    """
    expect("split_heads", x=(x, "n t o"))
    n, t, o = x.shape
    if o % whole("split_heads", "heads", heads, 1):
        raise ValueError(f"split_heads: heads must divide {o} features, got {heads}")
    y = x.reshape(n, t, heads, o // heads).swapaxes(1, 2).copy()  # (split_heads.1)

    def backward(dy):
        dx = dy.swapaxes(1, 2).reshape(n, t, o)                   # (split_heads.2)
        return dx

    return y, backward


def merge_heads(x):
    r"""Lay the heads' features side by side again, as before split_heads.

    (merge_heads.1)  y_{n,\,t,\,mI+i} = x_{nmti}
    (merge_heads.2)  dx_{nmti} = dy_{n,\,t,\,mI+i}

    x (n, heads, t, I)   →   y (n, t, heads I); m is the head, I the size of i.
    """
    expect("merge_heads", x=(x, "n m t i"))
    n, m, t, i = x.shape
    y = x.swapaxes(1, 2).reshape(n, t, m * i)                     # (merge_heads.1)

    def backward(dy):
        dx = dy.reshape(n, t, m, i).swapaxes(1, 2).copy()         # (merge_heads.2)
        return dx

    return y, backward


class MultiHeadAttention(Module):
    """Several heads of attention, each with queries, keys and values of its own.

    `y, backward = layer(x)` lets a sequence look at itself, and backward gives dx;
    `layer(x, memory)` lets x (n, t, width) look at memory (n, u, memory_width), and
    backward gives dx and dmemory. y is (n, t, width). A mask is (t, u), or broadcasts
    to (n, heads, t, u): one of three axes would be taken for (heads, t, u). Padding is
    hidden by mask_of(lengths, u). The heads divide width.
    Source: Vaswani et al. 2017, section 3.2.2.
    """

    def __init__(self, width, heads, rng, memory_width=None):
        memory_width = width if memory_width is None else memory_width
        if width % whole("MultiHeadAttention", "heads", heads, 1):
            raise ValueError("MultiHeadAttention: heads must divide the width "
                             f"{width}, got {heads}")
        self.heads = heads
        self.q = Linear(width, width, rng, init=xavier)
        self.k = Linear(memory_width, width, rng, init=xavier)
        self.v = Linear(memory_width, width, rng, init=xavier)
        self.o = Linear(width, width, rng, init=xavier)

    def __call__(self, x, memory=None, *, mask=None, causal=False):
        if np.ndim(mask) == 3:
            raise ValueError("MultiHeadAttention: mask must have axes (t, u) or (n, "
                             f"heads, t, u), got shape {np.shape(mask)}")
        seen = x if memory is None else memory
        (q, q_back), (k, k_back), (v, v_back) = (
            _project(layer, source, self.heads)
            for layer, source in ((self.q, x), (self.k, seen), (self.v, seen)))
        mixed, attention_backward = attention(q, k, v, mask=mask, causal=causal)
        merged, merge_backward = merge_heads(mixed)
        y, o_backward = self.o(merged)

        def backward(dy):
            dq, dk, dv = attention_backward(merge_backward(o_backward(dy)))
            dx, dseen = q_back(dq), k_back(dk) + v_back(dv)
            return dx + dseen if memory is None else (dx, dseen)

        return y, backward


def _project(layer, x, heads):
    y, layer_backward = layer(x)
    y, split_backward = split_heads(y, heads=heads)

    def backward(dy):
        return layer_backward(split_backward(dy))

    return y, backward


def mask_of(lengths, steps):
    """Where sequences of these lengths (n) have words: booleans (n, 1, 1, steps).

    Raises ValueError for a length outside 0..steps, TypeError for one that is no
    integer.
    """
    steps = whole("mask_of", "steps", steps, 0)
    expect_ids("mask_of", "lengths", lengths, None, steps + 1)
    if lengths.ndim != 1:
        raise ValueError("mask_of: lengths must have axes (n), got shape "
                         f"{lengths.shape}")
    return (np.arange(steps) < lengths[:, None])[:, None, None]
