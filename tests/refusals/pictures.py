"""What the ops on pictures and on their cells refuse."""

import numpy as np

import numnet
from numnet import hops, scenes

NAMES = {**vars(scenes), **vars(hops), **vars(numnet), "ones": np.ones,
         "rng": np.random.default_rng(0), "X": np.ones((2, 3, 6, 5)),
         "W": np.ones((4, 3, 3, 2)), "F": np.ones((4, 3, 3, 3)), "B": np.ones(4),
         "G": np.ones((2, 7, 2)), "V": np.ones((2, 3, 7, 4))}

TABLE = r"""
value | conv2d(X.swapaxes(1, 3), W, B) | w has 3 input channels (c) but x has 5
value | conv2d(X[:, :1], W, B) | w has 3 input channels (c) but x has 1
value | conv2d(X[0], W, B) | x must have axes (n, c, h, w), got shape (3, 6, 5)
value | conv2d(X, W[0], B) | w must have axes (o, c, i, j), got shape (3, 3, 2)
value | conv2d(X, W, B[:1]) | b has 1 output features (o) but w has 4
value | conv2d(X, W, B[:, None]) | b must have axes (o), got shape (4, 1)
value | conv2d(X[:, :0], W[:, :0], B) | w must have filters and … got (4, 0, 3, 2)
value | conv2d(X, W[:0], B[:0]) | w must have filters and channels, got (0, 3, 3, 2)
value | conv2d(X[:, :, :2], W, B) | the kernel covers 3×2 but the padded picture is 2×5
value | conv2d(X, W, B, dilation=(3, 1)) | the kernel … but the padded picture is 6×5
value | conv2d(X, W[:, :, :0], B) | the kernel (0, 2) and the picture (6, 5) must not …
value | conv2d(X[:, :, :0], W, B, padding=3) | the kernel (3, 2) and the picture …
value | conv2d(X, W, B, stride=0) | stride must be at least 1, got 0
value | conv2d(X, W, B, stride=(1, -2)) | stride must be at least 1, got (1, -2)
type  | conv2d(X, W, B, stride=1.0) | stride must be a whole number or a pair … got 1.0
type  | conv2d(X, W, B, stride=True) | stride must be a whole number or a … got True
value | conv2d(X, W, B, dilation=0) | dilation must be at least 1, got 0
type  | conv2d(X, W, B, dilation=None) | dilation must be a whole number or a … got None
value | conv2d(X, W, B, padding=-1) | padding must be at least 0, got -1
type  | conv2d(X, W, B, padding=(1, 1, 1)) | padding must be a whole … got (1, 1, 1)
type  | conv2d(X, W, B, padding="same") | padding must be a whole number or … got 'same'
type  | conv2d(X, W, B, needs_dx="no") | needs_dx must be True or False, got 'no'
type  | Conv2d(3, 4, 3, rng, strides=2, pad=1) | conv2d has no option pad, strides
value | Conv2d(3, 4, 0, rng) | kernel_size must be at least 1, got 0
type  | Conv2d(3, 4, 2.5, rng) | kernel_size must be a whole number or a pair … got 2.5
value | Conv2d(0, 4, 3, rng) | he: each size of shape (4, 0, 3, 3) must be at … got 0

value | winograd(X[0], F, B) | x must have axes (n, c, h, w), got shape (3, 6, 5)
value | winograd(X[:, :2], F, B) | w has 3 input channels (c) but x has 2
value | winograd(X, F, B[:1]) | b has 1 output features (o) but w has 4
value | winograd(X, W, B) | w must be filters (o, c, 3, 3) and … got (4, 3, 3, 2) and 0
value | winograd(X, F[:0], B[:0]) | w must be filters … got (0, 3, 3, 3) and 0
value | winograd(X, F, B, padding=(1, 3)) | w must be … padding at most 2, got … (1, 3)
value | winograd(X, F, B, padding=-1) | padding must be at least 0, got -1
type  | winograd(X, F, B, padding=0.5) | padding must be a whole number or … got 0.5
value | winograd(X[:, :, :2], F, B) | x must hold pictures of 3×3 at … got (2, 5) and 0
value | winograd(X[:, :, :0], F, B, padding=2) | x must hold … got (0, 5) and 2
value | winograd(X[..., :0], F, B, padding=2) | x must hold … got (6, 0) and 2

type  | avg_pool2d(X, kernel_size=2, count_include_pad=1) | count_include_pad … got 1
value | {pool}(X[0], kernel_size=2) | x must have axes (n, c, h, w), got shape (3, 6, 5)
value | {pool}(X, kernel_size=(2, 7)) | the kernel covers 2×7 but … 6×5
value | {pool}(X, kernel_size=(7, 2)) | the kernel covers 7×2 but … 6×5
value | {pool}(X, kernel_size=(11, 2), padding=(2, 0)) | the kernel … picture is 10×5
value | {pool}(X, kernel_size=2, padding=2) | padding (2, 2) must not exceed half the …
value | {pool}(X, kernel_size=(2, 4), padding=(2, 1)) | padding (2, 1) must not …
value | {pool}(X, kernel_size=(4, 2), padding=(1, 2)) | padding (1, 2) must not …
value | {pool}(X, kernel_size=0) | kernel_size must be at least 1, got 0
value | {pool}(X, kernel_size=2, stride=0) | stride must be at least 1, got 0
value | {pool}(X, kernel_size=2, padding=-1) | padding must be at least 0, got -1
type  | {pool}(X, kernel_size=2.0) | kernel_size must be a whole number or a … got 2.0
type  | {pool}(X, kernel_size=True) | kernel_size must be a whole number or a … got True
value | {pool}(X[:, :, :0], kernel_size=2, padding=1) | the picture (0, 5) must not be …
value | {whole}(X[..., :0]) | the picture (6, 0) must not be empty
value | {whole}(X[0]) | x must have axes (n, c, h, w), got shape (3, 6, 5)

value | cells_of(X[0]) | x must have axes (n, c, h, w), got shape (3, 6, 5)
value | add_places(V, G[:, :6]) | g has 6 keys (u) but v has 7
value | add_places(V, G[:1]) | g has 1 examples (n) but v has 2
value | places_of(X[0]) | x must have axes (n, m, t, o), got shape (3, 6, 5)
value | places_of(X[..., :1]) | x must have 2 features or more, got 1
value | distance_bias(X[..., :2], V[0], X[..., :2]) | g has 3 examples (n) but a has 2
value | distance_bias(X[..., :2], V[:, 0], X[..., :2]) | g has 4 entries (k) but a has 2
value | distance_bias(V[..., :2], G, X[..., :2]) | w has 6 time steps (t) but a has 7
value | distance_bias(X[..., :2], G, X[:1, ..., :2]) | w has 1 examples (n) but a has 2
value | distance_bias(X[..., :2], G, X[..., :4]) | w must have 2 weights, got 4
value | grid(0, 3) | rows must be at least 1, got 0
type  | grid(2.5, 3) | rows must be a whole number, got 2.5
value | grid(3, 0) | columns must be at least 1, got 0
value | HopNetwork(7, 8, rng, cells=(2, 0)) | cells must be at least 1, got (2, 0)
type  | HopNetwork(7, 8, rng, cells=2.5) | cells must be a whole number … got 2.5
value | HopNetwork(7, 8, rng, hops=0) | hops must be at least 1, got 0
type  | HopNetwork(7, 8, rng, hops=2.0) | hops must be a whole number, got 2.0
value | HopNetwork(7, 8, rng, heads=5) | Hop: heads must divide the width 64, got 5
type  | HopNetwork(7, 8, rng, heads=4.0) | Hop: heads must be a whole number, got 4.0
"""
