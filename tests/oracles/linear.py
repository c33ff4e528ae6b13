from numnet.linear import linear
from oracles.literal import normal, oracle, rows, table


def case(rng):
    x, w, b = normal(rng, (2, 3, 4), (4, 5), 5)
    y, backward = linear(x, w, b)
    dy, = normal(rng, y.shape)
    dx, dw, db = backward(dy)
    x, y, dy, dx = rows(x, y, dy, dx)
    return x, w, b, y, dy, dx, dw, db, *x.shape, len(b)


@oracle("linear.1")
def linear_y(rng):
    x, w, b, y, *_, N, I, O = case(rng)
    return y, table((N, O), lambda n, o:
                    b[o] + sum(x[n, i] * w[i, o] for i in range(I)))


@oracle("linear.2")
def linear_dx(rng):
    _, w, _, _, dy, dx, _, _, N, I, O = case(rng)
    return dx, table((N, I), lambda n, i: sum(dy[n, o] * w[i, o] for o in range(O)))


@oracle("linear.3")
def linear_dw(rng):
    x, _, _, _, dy, _, dw, _, N, I, O = case(rng)
    return dw, table((I, O), lambda i, o: sum(x[n, i] * dy[n, o] for n in range(N)))


@oracle("linear.4")
def linear_db(rng):
    *_, dy, _, _, db, N, _, O = case(rng)
    return db, table((O,), lambda o: sum(dy[n, o] for n in range(N)))
