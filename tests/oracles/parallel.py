import numpy as np

from numnet.module import Parameter
from oracles.literal import normal, oracle, table
from team import together

COUNTS = [3, 0, 2, 4]                                # n_r: one has no share


def joined(L, dws):
    """L and dw after a join: L (r), dw (r, …) of each process before it."""
    def join(team):
        r = team.comm.rank
        w = Parameter(np.zeros(dws.shape[1:]))
        w.grad = dws[r]
        return team.join(L[r], COUNTS[r], [w]), w.grad

    return together(len(COUNTS), join)


@oracle("join.1")
def join_count(rng):
    """N shows where one process alone has a loss, of 1: L = n_r / N."""
    dw, = normal(rng, (4, 2))
    ours = [COUNTS[r] / joined(np.arange(4) == r, dw)[0][0] for r in (0, 2, 3)]
    return ours, table((3,), lambda k: sum(COUNTS))


@oracle("join.2")
def join_loss(rng):
    L, dw = normal(rng, 4, (4, 2))
    return [loss for loss, _ in joined(L, dw)], table((4,), lambda k: sum(
        COUNTS[r] * L[r] for r in range(4)) / sum(COUNTS))


@oracle("join.3")
def join_dw(rng):
    L, dw = normal(rng, 4, (4, 2, 3))
    return [after for _, after in joined(L, dw)], table((4, 2, 3), lambda k, i, o: sum(
        COUNTS[r] * dw[r, i, o] for r in range(4)) / sum(COUNTS))
