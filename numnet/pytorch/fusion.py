"""In PyTorch: ways to join what is seen with what is read, and the whole networks."""

import torch
from torch import nn
from torch.nn import functional as F

from numnet.pytorch.readers import MultiHeadAttention, Residual, feedforward, mean_step


class Concatenation(nn.Module):
    """Side by side: (n, U), (n, V)  →  (n, U + V)."""

    def forward(self, image, text):
        return torch.cat([image, text], dim=1)       # (concatenate.1)


class Average(nn.Module):
    """The mean: (n, o), (n, o)  →  (n, o)."""

    def forward(self, image, text):
        return (image + text) / 2                    # (average.1)


class Product(nn.Module):
    """Feature by feature: (n, o), (n, o)  →  (n, o)."""

    def forward(self, image, text):
        return image * text                          # (product.1)


class GatedSum(nn.Module):
    """A mean whose proportions the two decide themselves: (n, o), (n, o)  →  (n, o)."""

    def __init__(self, width):
        super().__init__()
        self.gate = nn.Linear(2 * width, width)

    def forward(self, image, text):
        g = self.gate(torch.cat([image, text], dim=1)).sigmoid()
        return g * image + (1 - g) * text            # (blend.1)


class SharedEncoder(nn.Module):
    """One network reads both, side by side: (n, o), (n, o)  →  (n, 2 o)."""

    def __init__(self, width):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(width, width), nn.ReLU(),
                                     nn.Linear(width, width), nn.ReLU())

    def forward(self, image, text):
        both = self.encoder(image), self.encoder(text)
        return torch.cat(both, dim=1)                # (concatenate.1)


class CrossAttention(nn.Module):
    """Each word looks at every place: (n, places, U), (n, t, V)  →  (n, V)."""

    def __init__(self, image_width, text_width, heads):
        super().__init__()
        self.look = Residual(text_width, MultiHeadAttention(
            text_width, heads, image_width))
        self.feedforward = Residual(text_width, feedforward(text_width, 2 * text_width))

    def forward(self, image, text, lengths):
        return mean_step(self.feedforward(self.look(text, image)), lengths)


class FusionClassifier(nn.Module):
    """Scores of all answers, (n, answers), to n questions about m pictures.

    images (m, 3, h, w)   ids (k, t) and lengths (k): the words of k questions
    image (n), question (n): each example's picture in 0..m-1, question in 0..k-1
    """

    def __init__(self, image_encoder, text_encoder, fusion, head):
        super().__init__()
        self.image_encoder, self.text_encoder = image_encoder, text_encoder
        self.fusion, self.head = fusion, head

    def forward(self, images, ids, lengths, image, question):
        u = self.image_encoder(images)[image]
        v = self.text_encoder(ids, lengths)[question]
        return self.head(self.fusion(u, v))


class SequenceClassifier(nn.Module):
    """Scores of all answers, where the fusion looks at the words one by one.

    images (m, 3, h, w)   ids (k, t) and lengths (k): the words of k questions
    image (n), question (n): each example's picture in 0..m-1, question in 0..k-1
    """

    def __init__(self, image_encoder, text_encoder, fusion, head):
        super().__init__()
        self.image_encoder, self.text_encoder = image_encoder, text_encoder
        self.fusion, self.head = fusion, head

    def forward(self, images, ids, lengths, image, question):
        u = self.image_encoder(images)[image]
        v = self.text_encoder(ids, lengths)[question]
        return self.head(self.fusion(u, v, lengths[question]))


def l2_normalize(x):
    """Rows of length 1: (n, o)  →  (n, o)."""
    return x * (x.square().sum(1, keepdim=True) + 1e-8) ** -0.5  # (l2_normalize.2)


class JointEmbedding(nn.Module):
    """Pictures and texts in one space: (u, v), unit rows of n pictures and n texts.

    images (n, 3, h, w)   ids (n, t)   lengths (n)
    """

    def __init__(self, image_encoder, text_encoder):
        super().__init__()
        self.image_encoder, self.text_encoder = image_encoder, text_encoder
        self.s = nn.Parameter(torch.tensor(10.0).log())

    def forward(self, images, ids, lengths):
        u, v = self.image_encoder(images), self.text_encoder(ids, lengths)
        return l2_normalize(u), l2_normalize(v)

    def loss(self, u, v):
        z, every = self.s.exp() * u @ v.T, torch.arange(len(u), device=u.device)
        return (F.cross_entropy(z, every)
                + F.cross_entropy(z.T, every)) / 2   # (contrastive.4)
