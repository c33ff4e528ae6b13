r"""Looking inside: what each number that a network was given did to its output.

Let e be a number that a network says of x, such as how far ahead its answer is, and b
an x that says nothing, such as a blank picture. Then

    g_k = (x_k - b_k) \int_0^1 \frac{de}{dx_k}\big(b + s\,(x - b)\big)\, ds

is what x_k did. These parts add up to e(x) - e(b), since the sum over k under the
integral is the slope of e on the straight way from b to x; the gradient at x alone
does not tell as much. Beside it stands the act itself: something is taken away, and e
falls.
Source: Sundararajan et al. 2017, equation 1 (integrated gradients, arXiv 1703.01365);
Zeiler and Fergus 2014, section 4.2 (occlusion, arXiv 1311.2901).
"""

import numpy as np

from numnet.convolution import Conv2d
from numnet.module import Module

STEPS = 64                             # of the integral, taken in the middle of each


def log_odds(z, *, answer):
    r"""How far one answer is ahead of all others together.

        e_n = z_{na} - \log \sum_{o \ne a} e^{z_{no}} = \log \frac{p_{na}}{1 - p_{na}}
        dz_{no} = de_n \big([o = a] - [o \ne a]\, q_{no}\big)

    z (n, o)   →   e (n); a is the answer, p the softmax of z, q that of the others.
    Raises ValueError where there are no others.
    """
    if z.shape[1] < 2:
        raise ValueError("log_odds: z must have two answers or more, got "
                         f"{z.shape[1]}")
    others = np.delete(z, answer, axis=1)
    top = others.real.max(axis=1, keepdims=True)
    q = np.exp(others - top)
    total = q.sum(axis=1, keepdims=True)
    e = z[:, answer] - (top + np.log(total))[:, 0]
    q = q / total

    def backward(de):
        dz = np.insert(-q, answer, 1, axis=1) * de[:, None]
        return dz

    return e, backward


def line(z, start, slope):
    """A score on another scale: z (n, 1)   →   e (n) = start + slope z."""
    def backward(de):
        dz = slope * de[:, None]
        return dz

    return start + slope * z[:, 0], backward


def integrated(op, x, b, steps=STEPS):
    """Each number's part of op(x) - op(b), which all of them add up to.

    op: `e, backward = op(x)` for x (n, ...) and e (n), where backward(de) gives dx, or
    dx first of several   x, b (...)   →   (...)
    """
    s = (np.arange(steps) + 0.5) / steps
    path = b + s.reshape(-1, *[1] * x.ndim) * (x - b)
    e, backward = op(path.astype(x.dtype))
    dx = backward(np.full_like(e, 1 / steps))
    dx = dx[0] if isinstance(dx, tuple) else dx
    return (x - b) * dx.sum(axis=0)


def occluded(fall, picture, batch=64):
    """How much it takes to paint over a place: the mean over the squares that cover it.

    fall: from pictures (n, h, w, 3) uint8 to numbers (n)   →   (h, w). The squares have
    a quarter of the picture's side, and each lies a third of its own side further on.
    """
    size = len(picture)
    side = max(size // 4, 1)
    starts = range(max(side // 3, 1) - side, size, max(side // 3, 1))
    squares = [(top, left) for top in starts for left in starts]
    total, count = np.zeros((2, size, size))
    for k in range(0, len(squares), batch):
        some = squares[k:k + batch]
        falls = fall(np.stack([painted_over(picture, *square, side)
                               for square in some]))
        for (top, left), each in zip(some, falls):
            place = (slice(max(top, 0), top + side), slice(max(left, 0), left + side))
            total[place] += each
            count[place] += 1
    return total / count


def painted_over(picture, top, left, side):
    """A picture with a square in the median colour of the picture's border."""
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    painted = picture.copy()
    painted[max(top, 0):top + side, max(left, 0):left + side] = np.median(
        border, axis=0).round()
    return painted


def each_put_out(w):
    """Copies of a question's word vectors (t, i), each without one word: (t, t, i)."""
    return w * (1 - np.eye(len(w), dtype=w.dtype))[:, :, None]


def word_vectors(model, ids):
    """The vectors that stand for words: ids (n, t)  →  (n, t, i)."""
    text = getattr(model, "text_encoder", None) or model.text
    return text.embedding(ids)[0]


def of_inputs(model):
    """A network as an op of what it sees and reads: `z, backward = network(x, w)`.

    x (n, c, h, w), pictures, w (n, t, i), the word vectors of a question about each
    →   z (n, answers), and backward(dz) gives dx, dw. The model's own call stops at the
    embedding and at the first convolution, which spares the gradient of the picture:
    while it runs, others stand in their place.
    """
    eye, text = (("image_encoder", model.text_encoder)
                 if hasattr(model, "text_encoder") else ("image", model.text))
    encoder = getattr(model, eye)
    first = encoder.layers[0]
    first = first if isinstance(first, Conv2d) else first.layers[0]

    def network(x, w):
        n, t = w.shape[:2]
        every = np.arange(n)
        asked = ({"question": every[:, None]} if eye == "image" else
                 {"question": every, "image": every})
        seen, read = _Seen(encoder), _Read(w)
        before = first.options, text.embedding
        try:
            first.options = first.options | {"needs_dx": True}
            text.embedding = read
            setattr(model, eye, seen)
            z, model_backward = model(images=x, ids=np.zeros((n, t), np.int64),
                                      lengths=np.full(n, t), **asked)
        finally:
            first.options, text.embedding = before
            setattr(model, eye, encoder)

        def backward(dz):
            model_backward(dz.reshape(z.shape))
            return seen.dx, read.dw

        return z.reshape(n, -1), backward

    return network


class _Seen(Module):
    """An image encoder, that keeps the gradient of the picture."""

    def __init__(self, encoder):
        self.encoder = encoder

    def __call__(self, x):
        y, encoder_backward = self.encoder(x)

        def backward(dy):
            self.dx = encoder_backward(dy)

        return y, backward


class _Read(Module):
    """Word vectors where the embedding stood, that keeps their gradient."""

    def __init__(self, w):
        self.w = w

    def __call__(self, ids):
        def backward(dy):
            self.dw = dy

        return self.w, backward
