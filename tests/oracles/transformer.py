import numpy as np

from numnet.attention import MultiHeadAttention
from numnet.transformer import Residual
from oracles.literal import normal, oracle, places, table

N, T, O, EPS, TINY = 2, 3, 4, 1e-5, 1e-30


def case(rng):
    """x, y, dy, dx of a block whose layer mixes the steps; and the block itself."""
    block = Residual(O, MultiHeadAttention(O, 2, rng))
    for p in block.parameters():
        p.value = rng.normal(size=p.value.shape)
        p.zero_grad()
    x, = normal(rng, (N, T, O))
    y, backward = block(x)
    dy, = normal(rng, y.shape)
    return x, y, dy, backward(dy), block


def f(block, x):
    """What the layer makes of norm(x)."""
    w, b = block.norm.w.value, block.norm.b.value
    u = np.empty(x.shape, x.dtype)
    for n, t in places(N, T):
        m = sum(x[n, t]) / O
        v = sum((each - m) ** 2 for each in x[n, t]) / O
        u[n, t] = [w[o] * (x[n, t, o] - m) / (v + EPS) ** 0.5 + b[o] for o in range(O)]
    return block.layer(u)[0]


@oracle("residual.1")
def residual_y(rng):
    x, y, _, _, block = case(rng)
    layer = f(block, x)
    return y, table((N, T, O), lambda n, t, o: x[n, t, o] + layer[n, t, o])


@oracle("residual.2")
def residual_dx(rng):
    """The slopes of f by the complex step."""
    x, _, dy, dx, block = case(rng)

    def slope(place):
        moved = x.astype(complex)
        moved[place] += 1j * TINY
        return f(block, moved).imag / TINY

    slopes = {place: slope(place) for place in places(N, T, O)}
    return dx, table((N, T, O), lambda n, t, o: dy[n, t, o] + sum(
        dy[n, s, k] * slopes[n, t, o][n, s, k] for s, k in places(T, O)))
