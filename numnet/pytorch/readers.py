"""In PyTorch: what looks at pictures and reads words, as numnet's own does."""

import torch
from torch import nn
from torch.nn import functional as F


class GlobalMaxPool(nn.Module):
    """Whether a thing is seen, not where: (n, c, h, w)  →  (n, c)."""

    def forward(self, x):
        return x.flatten(2).max(dim=2).values        # (global_max_pool2d.1)


class Cells(nn.Module):
    """A row for each place of the picture: (n, c, h, w)  →  (n, h w, c)."""

    def forward(self, x):
        return x.flatten(2).transpose(1, 2)          # (cells.1)


class RNN(nn.RNN):
    """The state after every word: x (n, t, i)  →  (n, t, o); (rnn.1), (rnn.2).

    PyTorch adds two biases where one does; the second stays 0.
    """

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size, batch_first=True)
        nn.init.zeros_(self.bias_hh_l0).requires_grad_(False)

    def forward(self, x, lengths):
        return super().forward(x)[0]


class LSTM(nn.LSTM):
    """The state after every word: x (n, t, i)  →  (n, t, o); (lstm.1) to (lstm.4).

    PyTorch adds two biases where one does; the second stays 0.
    """

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size, batch_first=True)
        nn.init.zeros_(self.bias_hh_l0).requires_grad_(False)

    def forward(self, x, lengths):
        return super().forward(x)[0]


def last_step(h, lengths):
    """The state after each one's last word: (n, t, o)  →  (n, o)."""
    every = torch.arange(len(h), device=h.device)
    return h[every, lengths - 1]                     # (last_step.1)


def mean_step(h, lengths):
    """The mean over each one's words: (n, t, o)  →  (n, o)."""
    real = words_of(lengths, h.shape[1])
    return (h * real[:, :, None]).sum(1) / lengths[:, None]      # (mean_step.1)


def every_step(h, lengths):
    """The state after every word, for who looks at them one by one: (n, t, o)."""
    return h


def words_of(lengths, steps):
    """Where texts of these lengths have words: booleans (n, steps)."""
    return torch.arange(steps, device=lengths.device) < lengths[:, None]


class Positions(nn.Module):
    """Tell each step of a sequence, or each cell, where it stands."""

    def __init__(self, steps, features):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(steps, features).normal_(std=0.02))

    def forward(self, x):
        return x + self.weight[:x.shape[1]]          # (add_positions.1)


class SplitHeads(nn.Module):
    """Let each head be a sequence of its own: (n, t, heads i)  →  (n, heads, t, i)."""

    def __init__(self, heads):
        super().__init__()
        self.heads = heads

    def forward(self, x):
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)  # (split_heads.1)


def merge_heads(x):
    """The heads side by side again: (n, heads, t, i)  →  (n, t, heads i)."""
    return x.transpose(1, 2).flatten(2)              # (merge_heads.1)


class MultiHeadAttention(nn.Module):
    """Let x (n, t, width) look at a memory (n, u, memory_width), or at itself.

    mask: True where it may look, of a shape that broadcasts to (n, heads, t, u).
    """

    def __init__(self, width, heads, memory_width=None):
        super().__init__()
        memory_width = memory_width or width
        self.q, self.o = nn.Linear(width, width), nn.Linear(width, width)
        self.k, self.v = nn.Linear(memory_width, width), nn.Linear(memory_width, width)
        self.split = SplitHeads(heads)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        q, k, v = map(self.split, (self.q(x), self.k(memory), self.v(memory)))
        found = F.scaled_dot_product_attention(q, k, v, mask)    # (attention.3)
        return self.o(merge_heads(found))


class Residual(nn.Module):
    """Add to x what a layer makes of it: (n, t, width)  →  (n, t, width)."""

    def __init__(self, width, layer):
        super().__init__()
        self.norm, self.layer = nn.LayerNorm(width), layer

    def forward(self, x, *memory, **options):
        return x + self.layer(self.norm(x), *memory, **options)  # (residual.1)


def feedforward(width, hidden):
    """Two linear maps with a relu between, for each step by itself."""
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, width))


class EncoderBlock(nn.Module):
    """Let the steps look at each other, then change each by itself."""

    def __init__(self, width, heads, hidden):
        super().__init__()
        self.attention = Residual(width, MultiHeadAttention(width, heads))
        self.feedforward = Residual(width, feedforward(width, hidden))

    def forward(self, x, mask):
        return self.feedforward(self.attention(x, mask=mask))


class AttentionReader(nn.Module):
    """Let words look at each other: x (n, t, width)  →  (n, t, width)."""

    def __init__(self, width, heads, longest):
        super().__init__()
        self.positions = Positions(longest, width)
        self.block = EncoderBlock(width, heads, 2 * width)

    def forward(self, x, lengths):
        mask = words_of(lengths, x.shape[1])[:, None, None]
        return self.block(self.positions(x), mask)


class TextEncoder(nn.Module):
    """Read words: ids (k, t), lengths (k)  →  (k, hidden), or (k, t, hidden)."""

    def __init__(self, embedding, reader, pool):
        super().__init__()
        self.embedding, self.reader, self.pool = embedding, reader, pool

    def forward(self, ids, lengths):
        h = self.reader(self.embedding(ids), lengths)            # (embedding.1)
        return self.pool(h, lengths)
