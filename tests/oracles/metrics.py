import numpy as np

from numnet.metrics import (accuracy, confusion_matrix, precision_recall_f1,
                            r_squared)
from oracles.literal import frozen, normal, oracle, table

# Class 3 is never true, class 4 never answered.
L, P = frozen(np.array([0, 1, 1, 2, 4, 2, 0]), np.array([0, 2, 1, 2, 3, 0, 0]))
N, K, ZERO_DIVISION = len(L), 5, 0.25


@oracle("accuracy.1")
def accuracy_value(rng):
    return accuracy(P, L), 1 / N * sum(P[n] == L[n] for n in range(N))


@oracle("r_squared.1")
def r_squared_r(rng):
    y, t = normal(rng, N, N)
    mean = 1 / N * sum(t[n] for n in range(N))
    return r_squared(y, t), 1 - (sum((y[n] - t[n]) ** 2 for n in range(N))
                                 / sum((t[n] - mean) ** 2 for n in range(N)))


def counts():
    return table((K, K), lambda k, j:
                 sum((L[n] == k) * (P[n] == j) for n in range(N)))


@oracle("confusion_matrix.1")
def confusion_matrix_c(rng):
    return confusion_matrix(P, L, K), counts()


def ratio(above, below):
    return above / below if below else ZERO_DIVISION


def ours(which):
    return precision_recall_f1(P, L, K, zero_division=ZERO_DIVISION)[which]


@oracle("precision_recall_f1.1")
def precision(rng):
    C = counts()
    return ours(0), table((K,), lambda k:
                          ratio(C[k, k], sum(C[j, k] for j in range(K))))


@oracle("precision_recall_f1.2")
def recall(rng):
    C = counts()
    return ours(1), table((K,), lambda k:
                          ratio(C[k, k], sum(C[k, j] for j in range(K))))


@oracle("precision_recall_f1.3")
def f1(rng):
    C = counts()
    return ours(2), table((K,), lambda k:
                          ratio(2 * C[k, k], sum(C[j, k] for j in range(K))
                                + sum(C[k, j] for j in range(K))))
