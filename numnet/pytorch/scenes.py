"""In PyTorch: the networks that answer many questions about each picture."""

import torch
from torch import nn
from torch.nn import functional as F

from numnet.pytorch.readers import (Residual, SplitHeads, feedforward, last_step,
                                    merge_heads)


class QuestionEncoder(nn.Module):
    """Read words one by one into a state: ids (k, t), lengths (k)  →  (k, width)."""

    def __init__(self, embedding, lstm, norm):
        super().__init__()
        self.embedding, self.lstm, self.norm = embedding, lstm, norm

    def forward(self, ids, lengths):
        h = self.lstm(self.embedding(ids), lengths)              # (embedding.1)
        return self.norm(last_step(h, lengths))                  # (layer_norm.4)


def grid(rows, columns):
    """The places of a picture's cells, x before y, each from -1 to 1: (cells, 2)."""
    y, x = torch.meshgrid(*(torch.linspace(-1, 1, steps, dtype=torch.float64)
                            for steps in (rows, columns)), indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=1).float()


class CellsOf(nn.Module):
    """Cells that know where they lie: (n, c, h, w)  →  (n, h w, c + 3)."""

    def forward(self, x):
        g = grid(*x.shape[2:])
        g = torch.cat([g, g.square().sum(1, keepdim=True)], dim=1).to(x)
        seen = x.flatten(2).transpose(1, 2)          # (cells_of.1)
        return torch.cat([seen, g.expand(len(x), -1, -1)], dim=2)


def distance_bias(a, g, w):
    """Prefer cells g (n, u, 2) near to, or far from, a (n, heads, t, 2), as w wants."""
    r = (a[:, :, :, None] - g[:, None, None]).square().sum(4)    # (distance_bias.1)
    return w[..., :1] * r + w[..., 1:] * 4 * (-12 * r).exp()     # (distance_bias.3)


class Hop(nn.Module):
    """Look at the cells once, and take what was found into the state.

    state (n, t, width)   cells (n, u, width)   places (n, u, 2)   before (n, heads, t,
    2), where each head looked in the hop before   →   the state; where it looked now
    """

    def __init__(self, width, heads, hidden, first):
        super().__init__()

        def project(out):
            return nn.Sequential(nn.Linear(width, out), SplitHeads(heads))

        self.norm = nn.LayerNorm(width)
        self.q, self.k, self.v = project(width), project(width), project(width)
        self.wish = None if first else project(2 * heads)
        self.o = nn.Linear(width + 2 * heads, width)
        self.feedforward = Residual(width, feedforward(width, hidden))

    def forward(self, state, cells, places, before):
        u, v = self.norm(state), self.v(cells)
        where = places[:, None].expand(-1, v.shape[1], -1, -1)
        v = torch.cat([v, where], dim=3)             # (add_places.1)
        bias = (None if self.wish is None else
                distance_bias(before, places, self.wish(u)))
        found = F.scaled_dot_product_attention(
            self.q(u), self.k(cells), v, bias)       # (attention.3)
        state = state + self.o(merge_heads(found))
        return self.feedforward(state), found[..., -2:]          # (places_of.1)


class HopNetwork(nn.Module):
    """Scores (n, t, answers) of t questions about each of n pictures.

    images (n, 3, h, w)   ids (k, w) and lengths (k): the words of k questions
    question (n, t): which of them are asked about each picture
    """

    def __init__(self, rows, columns, image, text, offset, hops, head):
        super().__init__()
        self.rows, self.columns = rows, columns
        self.image, self.text, self.offset = image, text, offset
        self.hops, self.head = nn.ModuleList(hops), head

    def forward(self, images, ids, lengths, question):
        cells = self.image(images)
        places = self.offset(cells) + grid(self.rows, self.columns).to(cells)
        state, seen = self.text(ids, lengths)[question], None
        for hop in self.hops:
            state, seen = hop(state, cells, places, seen)
        return self.head(state)


class ConcatenationNetwork(nn.Module):
    """Scores (n, t, answers) of t questions about each of n pictures.

    images (n, 3, h, w)   ids (k, w) and lengths (k): the words of k questions
    question (n, t): which of them are asked about each picture
    """

    def __init__(self, image, text, head):
        super().__init__()
        self.image, self.text, self.head = image, text, head

    def forward(self, images, ids, lengths, question):
        v = self.text(ids, lengths)[question]
        u = self.image(images)[:, None].expand(-1, v.shape[1], -1)
        return self.head(torch.cat([u, v], dim=2))   # (concatenate.1)
