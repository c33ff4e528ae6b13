from numnet.linear import linear
from numnet.module import Parameter, apply
from oracles.literal import normal, oracle, table


@oracle("apply.1")
def apply_dw(rng):
    """One w used three times, on batches of different sizes."""
    w, b = normal(rng, (4, 5), 5)
    w = Parameter(w)
    uses = []
    for N in (2, 3, 6):
        x, dy = normal(rng, (N, 4), (N, 5))
        uses.append((x, dy, apply(linear, x, w, b)[1]))
    for _, dy, backward in reversed(uses):
        backward(dy)
    return w.grad, table((4, 5), lambda i, o: sum(
        x[n, i] * dy[n, o] for x, dy, _ in uses for n in range(len(x))))
