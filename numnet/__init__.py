"""numnet: neural networks in NumPy, every backward pass by hand, next to its equation.

    y, backward = op(x, w, b)        an op: arrays in, a value and its backward out
    dx, dw, db = backward(dy)
    y, backward = layer(x)           a layer: the same, but it owns w and b
"""

from numnet.activation import flatten, relu, sigmoid, softmax, tanh
from numnet.attention import (MultiHeadAttention, attention, mask_of, merge_heads,
                              split_heads)
from numnet.convolution import Conv2d, conv2d
from numnet.embedding import (Embedding, Positions, add_positions, embedding,
                              sinusoids)
from numnet.fusion import (Average, Concatenation, CrossAttention, GatedSum, Product,
                           SharedEncoder, average, blend, concatenate, product)
from numnet.initialization import he, orthogonal, xavier
from numnet.linear import Linear, linear
from numnet.loss import binary_cross_entropy, contrastive, cross_entropy, mse
from numnet.metrics import (accuracy, average_precision, confusion_matrix,
                            mean_average_precision, mean_precision_recall_f1,
                            precision_recall_curve, precision_recall_f1, r_squared,
                            recall_at)
from numnet.module import Module, Parameter, Sequential, apply
from numnet.normalization import (Dropout, LayerNorm, dropout, l2_normalize,
                                  layer_norm)
from numnet.optim import SGD, Adam, clip_grad_norm, cosine
from numnet.pooling import (avg_pool2d, cells, global_avg_pool2d, global_max_pool2d,
                            max_pool2d)
from numnet.recurrent import LSTM, RNN, lstm, rnn
from numnet.states import last_step, mean_step
from numnet.transformer import DecoderBlock, EncoderBlock, Residual, feedforward
from numnet.winograd import winograd

__version__ = "0.1.0"

__all__ = [
    "Parameter", "Module", "Sequential", "apply",
    "linear", "Linear", "relu", "tanh", "sigmoid", "softmax", "flatten",
    "conv2d", "Conv2d", "winograd", "max_pool2d", "avg_pool2d",
    "global_max_pool2d", "global_avg_pool2d", "cells",
    "embedding", "Embedding", "add_positions", "Positions", "sinusoids",
    "rnn", "RNN", "lstm", "LSTM", "last_step", "mean_step",
    "layer_norm", "LayerNorm", "l2_normalize", "dropout", "Dropout",
    "attention", "split_heads", "merge_heads", "mask_of", "MultiHeadAttention",
    "feedforward", "Residual", "EncoderBlock", "DecoderBlock",
    "concatenate", "average", "product", "blend",
    "Concatenation", "Average", "Product", "GatedSum", "SharedEncoder",
    "CrossAttention",
    "cross_entropy", "binary_cross_entropy", "mse", "contrastive",
    "SGD", "Adam", "clip_grad_norm", "cosine", "he", "xavier", "orthogonal",
    "accuracy", "confusion_matrix", "precision_recall_f1", "mean_precision_recall_f1",
    "precision_recall_curve", "average_precision", "mean_average_precision",
    "recall_at", "r_squared",
]
