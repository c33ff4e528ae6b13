"""Captions: a text about a picture, written word by word.

The decoder reads the words so far and looks at the picture, and scores what comes next.
One mark stands before the first word and after the last: a text begins where the one
before has ended. In training all words are known, so every next word is scored at once
(teacher forcing); to write, the words chosen are read again for the next one.
"""

import numpy as np

from numnet.embedding import Embedding, Positions
from numnet.initialization import xavier
from numnet.linear import Linear
from numnet.models import image_encoder
from numnet.module import Module
from numnet.normalization import LayerNorm
from numnet.shapes import whole
from numnet.transformer import DecoderBlock


class Captioner(Module):
    """Score each next word of a text about a picture.

    images (n, c, h, w), ids (n, t), the mark and the words so far  →  z (n, t, words):
    row t scores the word after the first t + 1. image_encoder makes the cells
    (n, places, features) that each block looks at. Inputs have no gradient.
    """

    def __init__(self, image_encoder, places, features, words, rng, width=64, heads=4,
                 blocks=2, longest=16):
        self.image_encoder = image_encoder
        self.places = Positions(places, features, rng)
        self.embedding = Embedding(words, width, rng)
        self.positions = Positions(longest, width, rng)
        self.blocks = [DecoderBlock(width, heads, 2 * width, rng, features)
                       for _ in range(blocks)]
        self.norm, self.head = LayerNorm(width), Linear(width, words, rng, init=xavier)

    def __call__(self, *, images, ids):
        memory, see_backward = self.see(images)
        z, read_backward = self.read(ids, memory)

        def backward(dz):
            see_backward(read_backward(dz))

        return z, backward

    def see(self, images):
        """images (n, c, h, w)  →  memory (n, places, features): what is seen where."""
        seen, encoder_backward = self.image_encoder(images)
        memory, places_backward = self.places(seen)

        def backward(dmemory):
            encoder_backward(places_backward(dmemory))

        return memory, backward

    def read(self, ids, memory):
        """ids (n, t), memory (n, places, features)  →  z (n, t, words)."""
        x, embedding_backward = self.embedding(ids)
        x, positions_backward = self.positions(x)
        backwards = []
        for block in self.blocks:
            x, block_backward = block(x, memory)
            backwards.append(block_backward)
        x, norm_backward = self.norm(x)
        z, head_backward = self.head(x)

        def backward(dz):
            dx, dmemory = norm_backward(head_backward(dz)), 0
            for block_backward in reversed(backwards):
                dx, dmore = block_backward(dx)
                dmemory = dmemory + dmore
            embedding_backward(positions_backward(dx))
            return dmemory

        return z, backward


def captioner(words, rng, channels=(32, 64, 128), size=32):
    """The network that describes pictures of size × size pixels.

    words: all that can be written, the mark among them.
    """
    side = whole("captioner", "size", size, 2 ** len(channels)) // 2 ** len(channels)
    return Captioner(image_encoder(channels, None, rng, "cells"), side * side,
                     channels[-1], words, rng)


def beam_search(model, image, *, mark, longest, width=1):
    r"""Write the likeliest captions of a picture that a search of some width finds.

    (beam_search.1)  S_t = S_{t-1} + \log p_{t,w_t}
    (beam_search.2)  B_t = \mathrm{top}_K(B_{t-1} \times W)

    image (c, h, w)   mark: the number of the word w_0 that begins and ends a text   K =
    width   →   a list of (words, S), the likeliest first; words (t) are numbers,
    without the marks. S_t is how likely w_1 to w_t are, S_0 = 0; p_t the softmax of the
    model's scores after w_0 to w_{t-1}. B_t are the K likeliest texts of t words, each
    one of B_{t-1} and one of all words W. A text that ends leaves the beam. The search
    is over when no open text can overtake the K best that have ended, or after
    `longest` words: what is open then ends there. With width 1 each word is the
    likeliest after those before (greedy). Scores are not divided by the length: they
    are log probabilities of whole texts. Raises ValueError for a width or a length
    below 1, TypeError for one that is no whole number.
    Source: Sutskever et al. 2014, section 3.2 (arXiv 1409.3215).
    """
    width = whole("beam_search", "width", width, 1)
    longest = whole("beam_search", "longest", longest, 1)
    memory, _ = model.see(image[None])
    beam, ended = [((mark,), 0.0)], []
    for _ in range(longest):
        ids = np.array([text for text, _ in beam])
        z, _ = model.read(ids, np.repeat(memory, len(ids), axis=0))
        z = z[:, -1].astype(np.float64)
        log_p = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
        scores = np.array([[score] for _, score in beam]) + log_p    # (beam_search.1)
        best = np.argsort(-scores, None, kind="stable")[:width]     # (beam_search.2)
        texts = [((*beam[b][0], int(w)), float(scores[b, w]))
                 for b, w in zip(*np.unravel_index(best, scores.shape))]
        ended += [(text[:-1], score) for text, score in texts if text[-1] == mark]
        beam = [(text, score) for text, score in texts if text[-1] != mark]
        ended = sorted(ended, key=lambda pair: -pair[1])[:width]
        if not beam or len(ended) == width and ended[-1][1] >= beam[0][1]:
            break
    else:
        ended = sorted(ended + beam, key=lambda pair: -pair[1])[:width]
    return [(np.array(text[1:], np.int64), score) for text, score in ended]
