from numnet.fusion import average, blend, concatenate, product
from oracles.literal import normal, oracle, rows, table


def case(rng):
    u, v = normal(rng, (2, 3, 4), (2, 3, 5))
    y, backward = concatenate(u, v)
    dy, = normal(rng, y.shape)
    du, dv = backward(dy)
    return rows(u, v, y, dy, du, dv)


@oracle("concatenate.1")
def concatenate_y(rng):
    u, v, y, *_ = case(rng)
    U = u.shape[1]
    return y, table((6, 9), lambda n, k: u[n, k] if k < U else v[n, k - U])


@oracle("concatenate.2")
def concatenate_du(rng):
    *_, dy, du, _ = case(rng)
    return du, table((6, 4), lambda n, k: dy[n, k])


@oracle("concatenate.3")
def concatenate_dv(rng):
    u, _, _, dy, _, dv = case(rng)
    return dv, table((6, 5), lambda n, k: dy[n, u.shape[1] + k])


def same_case(rng, op, sources=2):
    """u, v (and g) and y; dy; their gradients: all as rows."""
    inputs = normal(rng, *[(2, 3, 4)] * sources)
    y, backward = op(*inputs)
    dy, = normal(rng, y.shape)
    return rows(*inputs, y, dy, *backward(dy))


@oracle("average.1")
def average_y(rng):
    u, v, y, *_ = same_case(rng, average)
    return y, table((6, 4), lambda n, o: 1 / 2 * (u[n, o] + v[n, o]))


@oracle("average.2")
def average_du(rng):
    *_, dy, du, _ = same_case(rng, average)
    return du, table((6, 4), lambda n, o: 1 / 2 * dy[n, o])


@oracle("average.3")
def average_dv(rng):
    *_, dy, _, dv = same_case(rng, average)
    return dv, table((6, 4), lambda n, o: 1 / 2 * dy[n, o])


@oracle("product.1")
def product_y(rng):
    u, v, y, *_ = same_case(rng, product)
    return y, table((6, 4), lambda n, o: u[n, o] * v[n, o])


@oracle("product.2")
def product_du(rng):
    _, v, _, dy, du, _ = same_case(rng, product)
    return du, table((6, 4), lambda n, o: dy[n, o] * v[n, o])


@oracle("product.3")
def product_dv(rng):
    u, _, _, dy, _, dv = same_case(rng, product)
    return dv, table((6, 4), lambda n, o: dy[n, o] * u[n, o])


@oracle("blend.1")
def blend_y(rng):
    u, v, g, y, *_ = same_case(rng, blend, sources=3)
    return y, table((6, 4), lambda n, o: g[n, o] * u[n, o] + (1 - g[n, o]) * v[n, o])


@oracle("blend.2")
def blend_du(rng):
    _, _, g, _, dy, du, _, _ = same_case(rng, blend, sources=3)
    return du, table((6, 4), lambda n, o: g[n, o] * dy[n, o])


@oracle("blend.3")
def blend_dv(rng):
    _, _, g, _, dy, _, dv, _ = same_case(rng, blend, sources=3)
    return dv, table((6, 4), lambda n, o: (1 - g[n, o]) * dy[n, o])


@oracle("blend.4")
def blend_dg(rng):
    u, v, _, _, dy, _, _, dg = same_case(rng, blend, sources=3)
    return dg, table((6, 4), lambda n, o: (u[n, o] - v[n, o]) * dy[n, o])
