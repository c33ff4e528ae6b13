"""Transformer blocks: attention, then a small network, each beside a straight way."""

from numnet.activation import relu
from numnet.attention import MultiHeadAttention
from numnet.linear import Linear
from numnet.module import Module, Sequential
from numnet.normalization import LayerNorm


class Residual(Module):
    r"""Add to x what a layer makes of it, so that the gradient has a way straight past.

    (residual.1)  y_{nto} = x_{nto} + f_{nto}(\mathrm{norm}(x))
    (residual.2)  dx_{nto} = dy_{nto} + \sum_{sk} dy_{nsk} \frac{df_{nsk}}{dx_{nto}}

    x (n, t, width)   →   y (n, t, width); f is the layer, called as layer(norm(x)), or
    as layer(norm(x), memory), and then the backward gives dx and dmemory. The norm
    stands before the layer (pre-norm), not after the sum as in the first transformer.
    Source: He et al. 2016, equation 1; Xiong et al. 2020 (arXiv 2002.04745).
    """

    def __init__(self, width, layer):
        self.norm, self.layer = LayerNorm(width), layer

    def __call__(self, x, *memory, **options):
        u, norm_backward = self.norm(x)
        f, layer_backward = self.layer(u, *memory, **options)
        y = x + f                                    # (residual.1)

        def backward(dy):
            du, *dmemory = layer_backward(dy) if memory else (layer_backward(dy),)
            dx = dy + norm_backward(du)              # (residual.2)
            return (dx, *dmemory) if memory else dx

        return y, backward


def feedforward(width, hidden, rng):
    """Two linear maps with a relu between, for each step by itself."""
    return Sequential(Linear(width, hidden, rng), relu, Linear(hidden, width, rng))


class EncoderBlock(Module):
    """Let the steps of a sequence look at each other, then change each by itself.

    x (n, t, width)   →   y (n, t, width); `mask` as in MultiHeadAttention.
    Source: Vaswani et al. 2017, section 3.1, with the norm first.
    """

    def __init__(self, width, heads, hidden, rng):
        self.attention = Residual(width, MultiHeadAttention(width, heads, rng))
        self.feedforward = Residual(width, feedforward(width, hidden, rng))

    def __call__(self, x, mask=None):
        z, attention_backward = self.attention(x, mask=mask)
        y, feedforward_backward = self.feedforward(z)

        def backward(dy):
            return attention_backward(feedforward_backward(dy))

        return y, backward


class DecoderBlock(Module):
    """Let each step look at the steps before it, then at a memory, then change it.

    x (n, t, width), memory (n, u, memory_width)   →   y (n, t, width); the mask hides
    cells of the memory, as in MultiHeadAttention. The backward gives dx and dmemory.
    Source: Vaswani et al. 2017, section 3.1, with the norm first.
    """

    def __init__(self, width, heads, hidden, rng, memory_width=None):
        self.past = Residual(width, MultiHeadAttention(width, heads, rng))
        self.memory = Residual(
            width, MultiHeadAttention(width, heads, rng, memory_width))
        self.feedforward = Residual(width, feedforward(width, hidden, rng))

    def __call__(self, x, memory, mask=None):
        z, past_backward = self.past(x, causal=True)
        z, memory_backward = self.memory(z, memory, mask=mask)
        y, feedforward_backward = self.feedforward(z)

        def backward(dy):
            dz, dmemory = memory_backward(feedforward_backward(dy))
            return past_backward(dz), dmemory

        return y, backward
