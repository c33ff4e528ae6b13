"""What the ops on rows of features refuse, their layers, and where weights start."""

import numpy as np

import numnet
from numnet import initialization, models

NAMES = {**vars(models), **vars(initialization), **vars(numnet),
         "rng": np.random.default_rng(0), "ones": np.ones, "nan": np.nan,
         "X": np.ones((5, 3)), "W": np.ones((3, 4)), "B": np.ones(4),
         "IDS": np.array([[3, 0, 3], [1, 1, 0]]), "TABLE": np.ones((4, 2)),
         "S": np.ones((2, 5, 4)), "number": np.float64(3), "no_axes": np.array(1.0)}

TABLE = r"""
value | linear(X, W[:2], B) | w has 2 input features (i) but x has 3
value | linear(X[:, :1], W, B) | w has 3 input features (i) but x has 1
value | linear(X, W, B[:1]) | b has 1 output features (o) but w has 4
value | linear(X, W, B[:, None]) | b must have axes (o), got shape (4, 1)
value | linear(X, W[0], B) | w must have axes (i, o), got shape (4,)
value | linear(X, W[None], B) | w must have axes (i, o), got shape (1, 3, 4)
type  | linear(number, W, B) | x must be a NumPy array, got float64
value | Linear(3, 4, rng)(X[:, :2]) | linear: w has 3 input features (i) but x has 2
value | Linear(0, 4, rng) | he: each size of shape (0, 4) must be at least 1, got 0
type  | Linear(3., 4, rng) | he: each size of shape (3.0, 4) must be a whole … got 3.0
type  | Linear(3, 4, 0) | he: rng must be a NumPy Generator, got int
type  | Linear(3, 4, rng, init="he") | Linear: init must be a function … got 'he'

value | softmax(X, axis=2) | axis 2 must be one of x's and not empty, got shape (5, 3)
value | softmax(X, axis=-3) | axis -3 must be one of x's and not empty, got shape (5, 3)
value | softmax(X[:, :0]) | axis -1 must be one of x's and not empty, got shape (5, 0)
type  | softmax(X, axis=1.0) | axis must be a whole number, got 1.0
type  | softmax(X, axis=None) | axis must be a whole number, got None
type  | softmax(X, axis=True) | axis must be a whole number, got True
type  | softmax(X, axis=(0, 1)) | axis must be a whole number, got (0, 1)
value | flatten(X[0]) | x must have axes (n, ...), got shape (3,)

value | embedding(TABLE, ids=IDS + 1) | ids must be in 0..3, got 4
value | embedding(TABLE, ids=IDS - 1) | ids must be in 0..3, got -1
type  | embedding(TABLE, ids=IDS * 1.0) | ids must be an array of integers, got float64
type  | embedding(TABLE, ids=IDS > 0) | ids must be an array of integers, got bool
type  | embedding(TABLE, ids=[3, 0]) | ids must be an array of integers, got list
type  | embedding(TABLE, ids=2) | ids must be an array of integers, got int
value | embedding(TABLE[0], ids=IDS) | w must have axes (v, ...), got shape (2,)
value | embedding(TABLE[:0], ids=IDS) | ids must be in 0..-1, got 3
value | Embedding(0, 2, rng) | normal: each size of shape (0, 2) must be at … got 0
value | add_positions(S, S[0, :4]) | x has 5 steps but w has 4 rows
value | add_positions(S, S[0, :, :1]) | w has 1 output features (o) but x has 4
value | add_positions(S[0], S[0]) | x must have axes (n, t, o), got shape (5, 4)
value | add_positions(S, S) | w must have axes (u, o), got shape (2, 5, 4)
value | Positions(4, 4)(S) | add_positions: x has 5 steps but w has 4 rows
value | sinusoids(7, 5) | features must be even, got 5
value | sinusoids(-1, 4) | steps must be at least 0, got -1
type  | sinusoids(7, 4.0) | features must be a whole number, got 4.0
type  | Positions(4.0, 4) | sinusoids: steps must be a whole number, got 4.0

value | layer_norm(X, ones(1), ones(3)) | w has 1 output features (o) but x has 3
value | layer_norm(X, ones(3), ones(1)) | b has 1 output features (o) but x has 3
value | layer_norm(X, ones((1, 3)), ones(3)) | w must have axes (o), got shape (1, 3)
value | layer_norm(X, *ones((2, 3)), eps=-1e-5) | eps must be 0 or more and x have …
value | layer_norm(X, *ones((2, 3)), eps=nan) | eps must be 0 … got nan and shape (5, 3)
type  | layer_norm(X, *ones((2, 3)), eps="0") | eps must be a real number, got '0'
value | layer_norm(X[:, :0], *ones((2, 0))) | eps must be 0 … got 1e-05 and shape (5, 0)
value | layer_norm(X[None, :, :0], *ones((2, 0))) | eps must be … and shape (1, 5, 0)
type  | LayerNorm(3.0) | features must be a whole number, got 3.0
value | LayerNorm(0) | features must be at least 1, got 0
value | Dropout(1.5, rng) | dropout: rate must be 0 or more and … got 1.5
value | l2_normalize(X, eps=0) | eps must be above 0, got 0
value | l2_normalize(X, eps=nan) | eps must be above 0, got nan
type  | l2_normalize(X, eps=None) | eps must be a real number, got None
value | l2_normalize(no_axes) | x must have axes (..., o), got shape ()
value | dropout(X, rate=1, rng=rng) | rate must be 0 or more and less than 1, got 1
value | dropout(X, rate=-0.1, rng=rng) | rate must be 0 or more and less than … got -0.1
value | dropout(X, rate=nan, rng=None) | rate must be 0 or more and less than 1, got nan
type  | dropout(X, rate="half", rng=rng) | rate must be a real number, got 'half'
type  | dropout(X, rate=0.5, rng=0) | rng must be a NumPy Generator or None, got int

value | {join}(X, X[:, :1]) | v has 1 output features (o) but u has 3
value | {join}(X, X[:1]) | v has leading axes (1,) but u has (5,)
value | {join}(X, X[0]) | v has leading axes () but u has (5,)
value | blend(X, X, X[:, :1]) | g has 1 output features (o) but u has 3
value | blend(X, X, X[:1]) | g has leading axes (1,) but u has (5,)
value | concatenate(X, X[:2]) | v has leading axes (2,) but u has (5,)
value | Average(3, 4, rng) | the image has 3 features but the text has 4
value | Product(3, 4, rng) | the image has 3 features but the text has 4
value | GatedSum(3, 4, rng) | the image has 3 features but the text has 4
value | SharedEncoder(3, 4, rng) | the image has 3 features but the text has 4

value | he((3,), rng) | shape must be a tuple of at least two sizes, got (3,)
value | he(3, rng) | shape must be a tuple of at least two sizes, got 3
value | xavier((3, 0), rng) | each size of shape (3, 0) must be at least 1, got 0
value | orthogonal((3, 4, 5), rng) | shape must be a tuple of two sizes, got (3, 4, 5)
value | normal((3, 4), rng, -1) | std must be 0 or more, got -1
value | normal((3, 4), rng, nan) | std must be 0 or more, got nan
type  | normal((3, 4), rng, "1") | std must be a real number, got '1'
value | normal((3, -4), rng, 1.0) | each size of shape (3, -4) must be at least … got -4
type  | xavier((3, 4), None) | rng must be a NumPy Generator, got NoneType
type  | image_encoder(4, 8, rng) | channels must be a tuple, one number for … got 4
value | image_encoder((4, 6), 8, rng, "mean") | pool must be one of max … got 'mean'
value | TextEncoder("gru", 7, 3, 8, rng) | reader must be one of rnn, lstm … got 'gru'
value | fusion_classifier(7, 5, rng, "sum") | fusion must be one of … got 'sum'
value | article_model(7, 1, rng, size=20) | size must be at least 22, got 20
"""
