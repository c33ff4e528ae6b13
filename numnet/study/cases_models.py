"""Small examples of what is built of layers: blocks, fusions, hops, whole networks."""

import numpy as np

from numnet import (Average, Concatenation, CrossAttention, DecoderBlock, EncoderBlock,
                    GatedSum, MultiHeadAttention, Product, Residual, SharedEncoder,
                    feedforward, mask_of)
from numnet.captions import Captioner
from numnet.hops import Hop, add_places, cells_of, distance_bias, places_of
from numnet.models import (AttentionReader, JointEmbedding, TextEncoder,
                           fusion_classifier, image_encoder)
from numnet.scenes import ConcatenationNetwork, HopNetwork, QuestionEncoder
from numnet.study.spread import example, shaken, spread

WORDS = np.array([[1, 0, 5, 2], [3, 5, 5, 0], [1, 1, 0, 0]])     # of 6
LENGTHS = np.array([4, 2, 1])


def joined(fusion, *widths):
    """A fusion of image features and text features of these widths."""
    return lambda rng: example(shaken(fusion(*widths, rng), rng),
                               *[spread(rng, 5, width) for width in widths])


def read(reader, pooled=True):
    return lambda rng: example(TextEncoder(reader, 6, 2, 8, rng, pooled), WORDS,
                               LENGTHS)


def classified(fusion, text, hidden):
    def make(rng):
        model = fusion_classifier(6, 5, rng, fusion, text, channels=(2, 4), features=9,
                                  embedding_dim=2, hidden_size=hidden, head=11)
        return example(shaken(model, rng), images=spread(rng, 2, 3, 8, 9), ids=WORDS,
                       lengths=LENGTHS, image=np.array([1, 0, 1, 1, 0]),
                       question=np.array([2, 0, 1, 2, 2]))
    return make


def paired(rng):
    model = JointEmbedding(image_encoder((2, 4), 5, rng),
                           TextEncoder("rnn", 6, 2, 5, rng))
    return example(model, images=spread(rng, 3, 3, 8, 9), ids=WORDS, lengths=LENGTHS)


def described(rng):
    """Pictures of 8 × 9 pixels, so 2 × 2 cells, and texts that end in padding."""
    model = Captioner(image_encoder((2, 3), None, rng, "cells"), 4, 3, 6, rng, width=6,
                      heads=2, blocks=1, longest=5)
    return example(shaken(model, rng), images=spread(rng, 3, 3, 8, 9), ids=WORDS)


def hop(rng, first):
    before = [] if first else [spread(rng, 3, 2, 4, 2)]
    return example(Hop(6, 2, 9, rng, first), spread(rng, 3, 4, 6), spread(rng, 3, 5, 6),
                   spread(rng, 3, 5, 2), *before)


def asked(network, **sizes):
    """Two pictures of 9 × 24 pixels, so 2 × 3 cells, and five questions about each."""
    return lambda rng: example(
        shaken(network(6, 8, rng, cells=(2, 3), channels=(2, 3, 2), width=4,
                       embedding_dim=3, **sizes), rng),
        images=spread(rng, 2, 3, 9, 24), ids=WORDS, lengths=LENGTHS,
        question=np.array([[0, 1, 2, 1, 0], [2, 2, 1, 0, 0]]))


# A new model adds its lines here: name -> function of a random generator.
MODELS = {
    "Residual": lambda rng: example(
        Residual(6, feedforward(6, 5, rng)), spread(rng, 2, 4, 6)),
    "Residual, memory": lambda rng: example(
        Residual(6, MultiHeadAttention(6, 2, rng, 5)), spread(rng, 2, 4, 6),
        spread(rng, 2, 7, 5)),
    "EncoderBlock": lambda rng: example(
        EncoderBlock(6, 2, 5, rng), spread(rng, 3, 4, 6), mask=mask_of(LENGTHS, 4)),
    "DecoderBlock": lambda rng: example(
        DecoderBlock(6, 2, 5, rng, 8), spread(rng, 3, 4, 6), spread(rng, 3, 7, 8),
        mask=mask_of(np.array([2, 7, 3]), 7)),

    "Concatenation": joined(Concatenation, 3, 4),
    "Average": joined(Average, 3, 3),
    "Product": joined(Product, 3, 3),
    "GatedSum": joined(GatedSum, 3, 3),
    "SharedEncoder": joined(SharedEncoder, 3, 3),
    "CrossAttention": lambda rng: example(
        CrossAttention(5, 6, rng, heads=2), spread(rng, 3, 7, 5), spread(rng, 3, 4, 6),
        lengths=LENGTHS),

    "AttentionReader": lambda rng: example(
        AttentionReader(6, rng, heads=2, longest=5), spread(rng, 3, 4, 6),
        lengths=LENGTHS),
    "TextEncoder, rnn": read("rnn"),
    "TextEncoder, lstm, unpooled": read("lstm", pooled=False),
    "TextEncoder, attention": read("attention"),
    "FusionClassifier": classified("concatenation", "rnn", 5),
    "FusionClassifier, attention": classified("attention", "lstm", 8),
    "JointEmbedding": paired,
    "Captioner": described,

    "cells_of": lambda rng: example(cells_of, spread(rng, 2, 3, 4, 5)),
    "add_places": lambda rng: example(
        add_places, spread(rng, 2, 3, 5, 6), spread(rng, 2, 5, 7)),
    "places_of": lambda rng: example(places_of, spread(rng, 2, 3, 4, 6)),
    "distance_bias": lambda rng: example(
        distance_bias, spread(rng, 2, 3, 4, 7), spread(rng, 2, 5, 7),
        spread(rng, 2, 3, 4, 2)),
    "Hop, first": lambda rng: hop(rng, first=True),
    "Hop, later": lambda rng: hop(rng, first=False),
    "QuestionEncoder": lambda rng: example(
        QuestionEncoder(6, 2, 5, rng), ids=WORDS, lengths=LENGTHS),
    "HopNetwork": asked(HopNetwork, heads=2, hops=3),
    "ConcatenationNetwork": asked(ConcatenationNetwork, hidden=7),
}
