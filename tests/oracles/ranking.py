"""Metrics of ranks, averages over classes, and the loss of a joint embedding."""

from math import exp, log, sqrt

import numpy as np

from numnet.loss import contrastive
from numnet.metrics import (average_precision, mean_average_precision,
                            mean_precision_recall_f1, precision_recall_curve,
                            precision_recall_f1, recall_at)
from numnet.normalization import l2_normalize
from oracles.literal import frozen, normal, oracle, rows, table

# Class 3 is never true, class 4 never answered.
L, P = frozen(np.array([0, 1, 1, 2, 4, 2, 0]), np.array([0, 2, 1, 2, 3, 0, 0]))
N, K, ZERO_DIVISION = len(L), 5, 0.25


def mean_case(kind):
    """Our averages; N_k; and P, R and F of each class, whose oracles are elsewhere."""
    return (np.array(mean_precision_recall_f1(P, L, K, kind, ZERO_DIVISION)),
            [sum(L[n] == k for n in range(N)) for k in range(K)],
            precision_recall_f1(P, L, K, ZERO_DIVISION))


@oracle("mean_precision_recall_f1.1")
def macro(rng):
    ours, _, X = mean_case("macro")
    return ours, table((3,), lambda x: 1 / K * sum(X[x][k] for k in range(K)))


@oracle("mean_precision_recall_f1.2")
def weighted(rng):
    ours, N_, X = mean_case("weighted")
    return ours, table((3,), lambda x: 1 / N * sum(N_[k] * X[x][k] for k in range(K)))


@oracle("mean_precision_recall_f1.3")
def micro(rng):
    ours, *_ = mean_case("micro")
    C = table((K,), lambda k: sum((L[n] == k) * (P[n] == k) for n in range(N)))
    return ours, table((3,), lambda x: 1 / N * sum(C[k] for k in range(K)))


def curve(s, r):
    """T, P and R at each different score, the highest first."""
    T, P, R = [], [], []
    for c in sorted(set(s.tolist()), reverse=True):
        T.append(sum((s[n] >= c) * r[n] for n in range(len(s))))
        P.append(T[-1] / sum(s[n] >= c for n in range(len(s))))
        R.append(T[-1] / sum(r))
    return np.array(T), np.array(P), np.array(R)


def ranks(rng):
    """Scores with ties, and what is relevant."""
    return frozen(rng.integers(0, 5, 13) / 4, rng.integers(0, 2, 13))


@oracle("precision_recall_curve.1")
def curve_t(rng):
    """T shows in R."""
    s, r = ranks(rng)
    return precision_recall_curve(s, r)[1] * sum(r), curve(s, r)[0]


@oracle("precision_recall_curve.2")
def curve_p(rng):
    s, r = ranks(rng)
    return precision_recall_curve(s, r)[0], curve(s, r)[1]


@oracle("precision_recall_curve.3")
def curve_r(rng):
    s, r = ranks(rng)
    return precision_recall_curve(s, r)[1], curve(s, r)[2]


def literal_average_precision(s, r):
    _, P, R = curve(s, r)
    return sum((R[k] - (R[k - 1] if k else 0)) * P[k] for k in range(len(P)))


@oracle("average_precision.1")
def average_precision_a(rng):
    s, r = ranks(rng)
    return average_precision(s, r), literal_average_precision(s, r)


@oracle("mean_average_precision.1")
def mean_average_precision_m(rng):
    z, l = frozen(rng.integers(0, 5, (7, 3)) / 4, np.array([0, 2, 1, 1, 0, 2, 2]))
    return mean_average_precision(z, l), 1 / 3 * sum(
        literal_average_precision(z[:, k], [int(l[n] == k) for n in range(7)])
        for k in range(3))


def recall_case(rng):
    z, l = frozen(rng.integers(0, 6, (7, 5)) / 4, np.array([0, 2, 4, 1, 3, 2, 2]))
    return z, l, [sum(z[n, j] >= z[n, l[n]] for j in range(5) if j != l[n])
                  for n in range(7)]


@oracle("recall_at.1")
def recall_at_b(rng):
    """b shows in the k from which a query by itself is answered."""
    z, l, b = recall_case(rng)
    found = [sum(1 - recall_at(z[n:n + 1], k, l[n:n + 1]) for k in range(1, 6))
             for n in range(7)]
    return found, b


@oracle("recall_at.2")
def recall_at_a(rng):
    z, l, b = recall_case(rng)
    return (table((5,), lambda k: recall_at(z, k + 1, l)),
            table((5,), lambda k: 1 / 7 * sum(b[n] < k + 1 for n in range(7))))


def contrastive_case(rng):
    """u, v, e^s, L, dL, du, dv, ds; then z, p, q and dz by the formulas."""
    u, v, s = normal(rng, (3, 4), (3, 4), ())
    L, backward = contrastive(u, v, s)
    dL = rng.normal()
    z = table((3, 3), lambda n, k: exp(s) * sum(u[n, o] * v[k, o] for o in range(4)))
    p = table((3, 3), lambda n, k: exp(z[n, k]) / sum(exp(z[n, j]) for j in range(3)))
    q = table((3, 3), lambda n, k: exp(z[n, k]) / sum(exp(z[j, k]) for j in range(3)))
    dz = table((3, 3), lambda n, k:
               dL / (2 * 3) * (p[n, k] + q[n, k] - 2 * (n == k)))
    return (u, v, exp(s), L, dL, *backward(dL)), (z, p, q, dz)


def contrastive_l(rng):
    """z, A and B show only in L, and L shows them all."""
    (*_, L, _, _, _, _), (_, p, q, _) = contrastive_case(rng)
    A = -1 / 3 * sum(log(p[n, n]) for n in range(3))
    B = -1 / 3 * sum(log(q[n, n]) for n in range(3))
    return L, 1 / 2 * (A + B)


for _tag in range(1, 5):
    oracle(f"contrastive.{_tag}")(contrastive_l)


@oracle("contrastive.5")
def contrastive_dz(rng):
    """dz shows in du, by (contrastive.6): v has an inverse on its own rows."""
    (_, v, scale, _, _, du, _, _), (*_, dz) = contrastive_case(rng)
    return du @ np.linalg.pinv(v) / scale, dz


@oracle("contrastive.6")
def contrastive_du(rng):
    (_, v, scale, _, _, du, _, _), (*_, dz) = contrastive_case(rng)
    return du, table((3, 4), lambda n, o:
                     scale * sum(dz[n, k] * v[k, o] for k in range(3)))


@oracle("contrastive.7")
def contrastive_dv(rng):
    (u, _, scale, _, _, _, dv, _), (*_, dz) = contrastive_case(rng)
    return dv, table((3, 4), lambda k, o:
                     scale * sum(dz[n, k] * u[n, o] for n in range(3)))


@oracle("contrastive.8")
def contrastive_ds(rng):
    (*_, ds), (z, _, _, dz) = contrastive_case(rng)
    return ds, sum(dz[n, k] * z[n, k] for n in range(3) for k in range(3))


EPS = 0.3


def l2_case(rng):
    """x, y, dy, dx as rows; r, and y again, by the formulas."""
    x, dy = normal(rng, (2, 3, 4), (2, 3, 4))
    y, backward = l2_normalize(x, eps=EPS)
    x, y, dy, dx = rows(x, y, dy, backward(dy))
    r = [1 / sqrt(EPS + sum(x[n, o] ** 2 for o in range(4))) for n in range(6)]
    return x, y, dy, dx, r, table((6, 4), lambda n, o: r[n] * x[n, o])


@oracle("l2_normalize.1")
def l2_normalize_r(rng):
    """r shows in y, by (l2_normalize.2)."""
    x, y, _, _, r, _ = l2_case(rng)
    return table((6, 4), lambda *no: y[no] / x[no]), table((6, 4), lambda n, o: r[n])


@oracle("l2_normalize.2")
def l2_normalize_y(rng):
    *_, ours, _, _, _, literal = l2_case(rng)
    return ours, literal


@oracle("l2_normalize.3")
def l2_normalize_c(rng):
    """c shows in dx, by (l2_normalize.4)."""
    _, _, dy, dx, r, y = l2_case(rng)
    c = [sum(dy[n, o] * y[n, o] for o in range(4)) for n in range(6)]
    return (table((6, 4), lambda n, o: (dy[n, o] - dx[n, o] / r[n]) / y[n, o]),
            table((6, 4), lambda n, o: c[n]))


@oracle("l2_normalize.4")
def l2_normalize_dx(rng):
    _, _, dy, dx, r, y = l2_case(rng)
    c = [sum(dy[n, o] * y[n, o] for o in range(4)) for n in range(6)]
    return dx, table((6, 4), lambda n, o: r[n] * (dy[n, o] - c[n] * y[n, o]))
