"""What the recurrent ops, attention and the blocks built of them refuse."""

import numpy as np

import numnet
from numnet import captions, models

rng = np.random.default_rng(0)
X = np.ones((4, 5, 2))
RNN = {"wx": np.ones((2, 3)), "wh": np.ones((3, 3)), "b": np.ones(3)}
LSTM = {"wx": np.ones((2, 12)), "wh": np.ones((3, 12)), "b": np.ones(12)}


def rnn(x=X, *state, lengths=None, **weights):
    return numnet.rnn(x, *(RNN | weights).values(), *state, lengths=lengths)


def lstm(x=X, *state, lengths=None, **weights):
    return numnet.lstm(x, *(LSTM | weights).values(), *state, lengths=lengths)


WRITER = captions.captioner(4, rng, channels=(3, 5), size=8)


def beam_search(longest=2, width=1, mark=3):
    return captions.beam_search(WRITER, np.ones((3, 8, 8), np.float32), mark=mark,
                                longest=longest, width=width)


NAMES = {**vars(models), **vars(numnet), "rnn": rnn, "lstm": lstm, "X": X, "rng": rng,
         "H": np.ones((4, 3)), "wx": RNN["wx"], "wh": RNN["wh"], "b": RNN["b"],
         "wx4": LSTM["wx"], "wh4": LSTM["wh"], "b4": LSTM["b"], "array": np.array,
         "Q": np.ones((3, 4, 5)), "K": np.ones((3, 6, 5)), "V": np.ones((3, 6, 7)),
         "BIAS": np.ones((3, 4, 6)), "MASK": np.ones((4, 6), bool),
         "Y": np.ones((2, 3, 6)), "M": np.ones((2, 7, 6)), "L": np.array([2, 3]),
         "look": numnet.MultiHeadAttention(6, 2, rng),
         "encoder": numnet.EncoderBlock(6, 2, 5, rng),
         "decoder": numnet.DecoderBlock(6, 2, 5, rng),
         "cross": numnet.CrossAttention(6, 6, rng, heads=2), "beam_search": beam_search,
         "captioner": captions.captioner,
         "reader": models.AttentionReader(6, rng, heads=2, longest=5)}

TABLE = r"""
value | rnn(X[0]) | x must have axes (n, t, i), got shape (5, 2)
value | rnn(wx=wx.T) | wx has 3 input features (i) but x has 2
value | rnn(wh=wh[:2]) | wh has 2 output features (o) but wx has 3
value | rnn(wh=wh[:, :2]) | wh has 2 output features (o) but wx has 3
value | rnn(b=b[:1]) | b has 1 output features (o) but wx has 3
value | rnn(X, H[:1]) | h0 has 1 examples (n) but x has 4
value | rnn(X, H[:, :1]) | h0 has 1 output features (o) but wx has 3
value | rnn(X[:, :0]) | x must have at least one time step, got 0
value | rnn(lengths=array([3, 6, 1, 2])) | lengths must be in 1..5, got 6
value | rnn(lengths=array([3, 0, 1, 2])) | lengths must be in 1..5, got 0
value | rnn(lengths=array([3, -1, 1, 2])) | lengths must be in 1..5, got -1
value | rnn(lengths=array([5])) | lengths must have shape (4,), got (1,)
value | rnn(lengths=array([[3], [5], [1], [2]])) | lengths must have shape … got (4, 1)
type  | rnn(lengths=array([3.0, 5, 1, 2])) | lengths must be an array of … got float64
type  | rnn(lengths=array([True] * 4)) | lengths must be an array of integers, got bool
type  | rnn(lengths=[3, 5, 1, 2]) | lengths must be an array of integers, got list
type  | rnn(lengths=5) | lengths must be an array of integers, got int

value | lstm(X[0]) | x must have axes (n, t, i), got shape (5, 2)
value | lstm(wx=wx4.T) | wx has 12 input features (i) but x has 2
value | lstm(wx=wx4[:, 1:]) | wh has 12 entries (z) but wx has 11
value | lstm(b=b4[:1]) | b has 1 entries (z) but wx has 12
value | lstm(wh=wh4[:2]) | wh must have rows and b four times as many … got 2 and 12
value | lstm(wx=wx, wh=wh, b=b) | wh must have rows and b four times as … got 3 and 3
value | lstm(wx=wx[:, :0], wh=wh[:0, :0], b=b[:0]) | wh must have rows … got 0 and 0
value | lstm(X, H[:1], H) | h0 has 1 examples (n) but x has 4
value | lstm(X, H, H[:, :1]) | c0 has 1 output features (o) but wh has 3
type  | lstm(X, H) | c0 must be a NumPy array, got NoneType
type  | lstm(X, None, H) | h0 must be a NumPy array, got NoneType
value | lstm(X[:, :0]) | x must have at least one time step, got 0
value | lstm(lengths=array([3, 6, 1, 2])) | lengths must be in 1..5, got 6
value | lstm(lengths=array([3, 0, 1, 2])) | lengths must be in 1..5, got 0
value | lstm(lengths=array([5])) | lengths must have shape (4,), got (1,)
type  | lstm(lengths=array([3.0, 5, 1, 2])) | lengths must be an array of … got float64

value | last_step(X[:, :0]) | h must have at least one time step, got 0
value | last_step(X[0]) | h must have axes (n, t, o), got shape (5, 2)
value | mean_step(X[0], lengths=L) | h must have axes (n, t, o), got shape (5, 2)
value | mean_step(X, lengths=L) | lengths must have shape (4,), got (2,)
value | mean_step(X, lengths=array([5, 5, 5, 6])) | lengths must be in 1..5, got 6
value | mean_step(X, lengths=array([5, 5, 5, 0])) | lengths must be in 1..5, got 0
type  | mean_step(X, lengths=array([5.0] * 4)) | lengths must be an array … got float64
value | RNN(2, 0, rng) | xavier: each size of shape (2, 0) must be at least 1, got 0
type  | LSTM(2, 3.0, rng) | xavier: each size of shape (2, 3.0) must be a … got 3.0

value | attention(Q[0, 0], K, V) | q must have axes (..., t, i), got shape (5,)
value | attention(Q, K[..., :1], V) | k has 1 input features (i) but q has 5
value | attention(Q[..., :0], K[..., :0], V) | q must have … got shape (3, 4, 0)
value | attention(Q, K, V[:, :1]) | v has 1 keys (u) but k has 6
value | attention(Q, K[:1], V) | k has leading axes (1,) but q has (3,)
value | attention(Q, K, V[0]) | v has leading axes () but q has (3,)
value | attention(Q, K, V, BIAS[:, :1]) | bias has 1 time steps (t) but q has 4
value | attention(Q, K, V, BIAS[..., :1]) | bias has 1 keys (u) but k has 6
value | attention(Q, K, V, BIAS[0]) | bias has leading axes () but q has (3,)
type  | attention(Q, K, V, BIAS > 0) | bias must hold float32, float64 or … got bool
type  | attention(Q, K, V, mask=MASK * 1) | mask must be a boolean array … got int64
type  | attention(Q, K, V, mask=MASK * 1.0) | mask must be a boolean … got float64
type  | attention(Q, K, V, mask=[[True]]) | mask must be a boolean array … got list
type  | attention(Q, K, V, causal="no") | causal must be True or False, got 'no'
value | attention(Q, K, V, mask=MASK.T) | mask has shape (6, 4), which does not …
value | attention(Q, K, V, mask=MASK[:, :5]) | mask has shape (4, 5), which does not …
value | attention(Q, K, V, mask=MASK[:0]) | … not broadcast to the scores' (3, 4, 6)
value | attention(Q, K, V, mask=MASK[None, None]) | mask has shape (1, 1, 4, 6) …
value | split_heads(Y, heads=4) | heads must divide 6 features, got 4
value | split_heads(Y, heads=0) | heads must be at least 1, got 0
type  | split_heads(Y, heads=2.0) | heads must be a whole number, got 2.0
type  | split_heads(Y, heads=True) | heads must be a whole number, got True
value | split_heads(Y[0], heads=2) | x must have axes (n, t, o), got shape (3, 6)
value | merge_heads(Y) | x must have axes (n, m, t, i), got shape (2, 3, 6)
value | mask_of(array([2, 4]), 3) | lengths must be in 0..3, got 4
value | mask_of(array([2, -1]), 3) | lengths must be in 0..3, got -1
value | mask_of(L[None], 3) | lengths must have axes (n), got shape (1, 2)
type  | mask_of([2, 3], 3) | lengths must be an array of integers, got list
type  | mask_of(array([2.0, 3]), 3) | lengths must be an array of integers, got float64
type  | mask_of(L, 3.0) | steps must be a whole number, got 3.0

value | MultiHeadAttention(6, 4, rng) | heads must divide the width 6, got 4
value | MultiHeadAttention(6, 0, rng) | heads must be at least 1, got 0
type  | MultiHeadAttention(6, 2.0, rng) | heads must be a whole number, got 2.0
value | look(Y[..., :5]) | linear: w has 6 input features (i) but x has 5
value | look(Y, M[..., :5]) | linear: w has 6 input features (i) but x has 5
value | look(Y, M[:1]) | attention: k has leading axes (1, 2) but q has (2, 2)
value | look(Y, mask=MASK[:2, :3]) | attention: mask has shape (2, 3), which does not …
type  | look(Y, mask=mask_of(L, 3) * 1) | attention: mask must be a boolean … got int64
value | look(Y, mask=Y > 0) | MultiHeadAttention: mask must have … got shape (2, 3, 6)
value | EncoderBlock(6, 4, 9, rng) | MultiHeadAttention: heads must divide the … got 4
value | DecoderBlock(6, 4, 9, rng) | MultiHeadAttention: heads must divide the … got 4
value | encoder(Y[..., :5]) | layer_norm: w has 6 output features (o) but x has 5
value | encoder(Y[0]) | split_heads: x must have axes (n, t, o), got shape (3, 6)
value | decoder(Y, M[..., 1:]) | linear: w has 6 input features (i) but x has 5
value | decoder(Y, M[:1]) | attention: k has leading axes (1, 2) but q has (2, 2)
value | reader(Y, array([3, 4])) | mask_of: lengths must be in 0..3, got 4
value | reader(M, L) | add_positions: x has 7 steps but w has 5 rows
value | captioner(4, rng, size=7) | size must be at least 8, got 7
type  | captioner(4, rng, size=8.0) | size must be a whole number, got 8.0
value | beam_search(width=0) | width must be at least 1, got 0
value | beam_search(longest=-1) | longest must be at least 1, got -1
type  | beam_search(width=2.0) | width must be a whole number, got 2.0
type  | beam_search(width=True) | width must be a whole number, got True
type  | beam_search(longest="4") | longest must be a whole number, got '4'
type  | beam_search(longest=None) | longest must be a whole number, got None
value | CrossAttention(5, 6, rng) | MultiHeadAttention: heads must divide the … got 4
value | cross(M, Y, lengths=L + 1) | mean_step: lengths must be in 1..3, got 4
"""
