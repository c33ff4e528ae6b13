"""numnet: neural networks in NumPy, every backward pass by hand, next to its equation.

    y, backward = op(x, w, b)        an op: arrays in, a value and its backward out
    dx, dw, db = backward(dy)
    y, backward = layer(x)           a layer: the same, but it owns w and b
"""

from numnet.activation import flatten, relu, sigmoid, softmax, tanh
from numnet.convolution import Conv2d, conv2d
from numnet.embedding import Embedding, embedding
from numnet.initialization import he, orthogonal, xavier
from numnet.linear import Linear, linear
from numnet.loss import binary_cross_entropy, cross_entropy, mse
from numnet.metrics import accuracy, confusion_matrix, precision_recall_f1
from numnet.module import Module, Parameter, Sequential, apply
from numnet.optim import SGD, clip_grad_norm, cosine
from numnet.pooling import (avg_pool2d, global_avg_pool2d, global_max_pool2d,
                            max_pool2d)
from numnet.recurrent import RNN, rnn

__version__ = "0.1.0"

__all__ = [
    "Parameter", "Module", "Sequential", "apply",
    "linear", "Linear", "relu", "tanh", "sigmoid", "softmax", "flatten",
    "conv2d", "Conv2d", "max_pool2d", "avg_pool2d",
    "global_max_pool2d", "global_avg_pool2d",
    "embedding", "Embedding", "rnn", "RNN",
    "cross_entropy", "binary_cross_entropy", "mse",
    "SGD", "clip_grad_norm", "cosine", "he", "xavier", "orthogonal",
    "accuracy", "confusion_matrix", "precision_recall_f1",
]
