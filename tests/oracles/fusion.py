from numnet.fusion import concatenate
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
