"""Ways to join what is seen with what is read, from side by side to eye to eye.

Each is a Module of the same call, `y, backward = fusion(image, text)`, made from the
widths of the two: Fusion(image_width, text_width, rng). `fusion.width` is that of y.

    feature level         Concatenation, Average, Product, GatedSum
    representation level  SharedEncoder: one network reads both
    interaction level     CrossAttention: each word looks at every place of the picture
"""

import numpy as np

from numnet.activation import relu, sigmoid
from numnet.attention import MultiHeadAttention
from numnet.linear import Linear
from numnet.module import Module, Sequential
from numnet.shapes import expect
from numnet.states import mean_step
from numnet.transformer import Residual, feedforward


def concatenate(u, v):
    r"""Put the features of two sources side by side.

    (concatenate.1)  y_{nk} = u_{nk} \; (k < U), \quad y_{nk} = v_{n,k-U} \; (k \ge U)
    (concatenate.2)  du_{nk} = dy_{nk}
    (concatenate.3)  dv_{nk} = dy_{n,U+k}

    u (..., U)   v (..., V)   →   y (..., U + V); n runs over all leading axes. One row
    is one example: its image's features, then its text's.
    Raises ValueError when the leading axes differ.
    """
    expect("concatenate", u=(u, "... U"), v=(v, "... V"))
    y = np.concatenate([u, v], axis=-1)              # (concatenate.1)

    def backward(dy):
        du = dy[..., :u.shape[-1]].copy()            # (concatenate.2)
        dv = dy[..., u.shape[-1]:].copy()            # (concatenate.3)
        return du, dv

    return y, backward


def average(u, v):
    r"""Take the mean of two sources, feature by feature.

    (average.1)  y_{no} = \frac{1}{2} (u_{no} + v_{no})
    (average.2)  du_{no} = \frac{1}{2}\, dy_{no}
    (average.3)  dv_{no} = \frac{1}{2}\, dy_{no}

    u, v   →   y, all (..., o). Raises ValueError when the axes differ.
    """
    expect("average", u=(u, "... o"), v=(v, "... o"))
    y = (u + v) / 2                                  # (average.1)

    def backward(dy):
        du = dy / 2                                  # (average.2)
        dv = dy / 2                                  # (average.3)
        return du, dv

    return y, backward


def product(u, v):
    r"""Let each feature of one source scale the same feature of the other.

    (product.1)  y_{no} = u_{no}\, v_{no}
    (product.2)  du_{no} = dy_{no}\, v_{no}
    (product.3)  dv_{no} = dy_{no}\, u_{no}

    u, v   →   y, all (..., o). Raises ValueError when the axes differ.
    """
    expect("product", u=(u, "... o"), v=(v, "... o"))
    y = u * v                                        # (product.1)

    def backward(dy):
        du = dy * v                                  # (product.2)
        dv = dy * u                                  # (product.3)
        return du, dv

    return y, backward


def blend(u, v, g):
    r"""Mix two sources, each feature in a proportion of its own.

    (blend.1)  y_{no} = g_{no}\, u_{no} + (1 - g_{no})\, v_{no}
    (blend.2)  du_{no} = g_{no}\, dy_{no}
    (blend.3)  dv_{no} = (1 - g_{no})\, dy_{no}
    (blend.4)  dg_{no} = (u_{no} - v_{no})\, dy_{no}

    u, v, g   →   y, all (..., o). Raises ValueError when the axes differ.
    Source: Arevalo et al. 2017, section 3.2 (arXiv 1702.01992).
    """
    expect("blend", u=(u, "... o"), v=(v, "... o"), g=(g, "... o"))
    y = g * u + (1 - g) * v                          # (blend.1)

    def backward(dy):
        du = g * dy                                  # (blend.2)
        dv = (1 - g) * dy                            # (blend.3)
        dg = (u - v) * dy                            # (blend.4)
        return du, dv, dg

    return y, backward


class Concatenation(Module):
    """Side by side: image (n, U), text (n, V)  →  (n, U + V)."""

    def __init__(self, image_width, text_width, rng):
        self.width = image_width + text_width

    def __call__(self, image, text):
        return concatenate(image, text)


class Average(Module):
    """The mean: image (n, o), text (n, o)  →  (n, o)."""

    def __init__(self, image_width, text_width, rng):
        self.width = same_width("Average", image_width, text_width)

    def __call__(self, image, text):
        return average(image, text)


class Product(Module):
    """Feature by feature: image (n, o), text (n, o)  →  (n, o)."""

    def __init__(self, image_width, text_width, rng):
        self.width = same_width("Product", image_width, text_width)

    def __call__(self, image, text):
        return product(image, text)


class GatedSum(Module):
    """A mean whose proportions the two decide themselves: (n, o), (n, o)  →  (n, o)."""

    def __init__(self, image_width, text_width, rng):
        self.width = same_width("GatedSum", image_width, text_width)
        self.gate = Linear(2 * self.width, self.width, rng)

    def __call__(self, image, text):
        both, both_backward = concatenate(image, text)
        a, gate_backward = self.gate(both)
        g, sigmoid_backward = sigmoid(a)
        y, blend_backward = blend(image, text, g)

        def backward(dy):
            dimage, dtext, dg = blend_backward(dy)
            du, dv = both_backward(gate_backward(sigmoid_backward(dg)))
            return dimage + du, dtext + dv

        return y, backward


class SharedEncoder(Module):
    """One network reads both, so that they come to speak one language, side by side.

    image (n, o), text (n, o)  →  (n, 2 o). Its weights get both gradients, added.
    """

    def __init__(self, image_width, text_width, rng):
        o = same_width("SharedEncoder", image_width, text_width)
        self.encoder = Sequential(Linear(o, o, rng), relu, Linear(o, o, rng), relu)
        self.width = 2 * o

    def __call__(self, image, text):
        u, u_backward = self.encoder(image)
        v, v_backward = self.encoder(text)
        y, both_backward = concatenate(u, v)

        def backward(dy):
            du, dv = both_backward(dy)
            return u_backward(du), v_backward(dv)

        return y, backward


class CrossAttention(Module):
    """Each word looks at every place of the picture and takes what it needs.

    image (n, places, U), text (n, t, V), lengths (n)  →  (n, V), the mean over the
    words. `sequences` says that it joins places and words, not one vector of each.
    Source: Vaswani et al. 2017, section 3.2.3, words for queries.
    """

    sequences = True

    def __init__(self, image_width, text_width, rng, heads=4):
        self.width = text_width
        self.look = Residual(text_width, MultiHeadAttention(
            text_width, heads, rng, image_width))
        self.feedforward = Residual(text_width, feedforward(
            text_width, 2 * text_width, rng))

    def __call__(self, image, text, *, lengths):
        z, look_backward = self.look(text, image)
        z, feedforward_backward = self.feedforward(z)
        y, mean_backward = mean_step(z, lengths=lengths)

        def backward(dy):
            dtext, dimage = look_backward(feedforward_backward(mean_backward(dy)))
            return dimage, dtext

        return y, backward


FUSIONS = {"concatenation": Concatenation, "average": Average, "product": Product,
           "gated": GatedSum, "shared": SharedEncoder, "attention": CrossAttention}


def same_width(fusion, image_width, text_width):
    if image_width != text_width:
        raise ValueError(f"{fusion}: the image has {image_width} features "
                         f"but the text has {text_width}")
    return image_width
