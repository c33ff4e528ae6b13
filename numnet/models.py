"""The networks people train: an image encoder, a text encoder, a fusion and a head."""

from functools import partial

import numpy as np

from numnet.activation import flatten, relu
from numnet.attention import mask_of
from numnet.convolution import Conv2d
from numnet.embedding import Embedding, Positions, embedding
from numnet.fusion import FUSIONS
from numnet.initialization import xavier
from numnet.linear import Linear
from numnet.loss import contrastive
from numnet.module import Module, Parameter, Sequential, apply
from numnet.normalization import l2_normalize
from numnet.pooling import cells, global_max_pool2d, max_pool2d
from numnet.recurrent import LSTM, RNN
from numnet.shapes import expect_one_of, whole
from numnet.states import last_step, mean_step
from numnet.transformer import EncoderBlock


class FusionClassifier(Module):
    """Answer questions about pictures: scores (logits) for each possible answer.

    The batch names each picture and each distinct question once, since many questions
    share a picture and many pictures share a question. Both are encoded once, and
    their features gathered for every example.

    images (m, c, h, w)   ids (k, t) and lengths (k): the words of the questions
    image (n), question (n): each example's picture in 0..m-1, question in 0..k-1
    →   z (n, answers). The inputs have no gradient: backward(dz) returns None.
    """

    def __init__(self, image_encoder, text_encoder, fusion, head):
        self.image_encoder, self.text_encoder = image_encoder, text_encoder
        self.fusion, self.head = fusion, head

    def __call__(self, *, images, ids, lengths, image, question):
        pictures, pictures_backward = self.image_encoder(images)       # (m, ... U)
        texts, texts_backward = self.text_encoder(ids, lengths)        # (k, ... V)
        u, u_backward = embedding(pictures, ids=image)                 # (n, ... U)
        v, v_backward = embedding(texts, ids=question)                 # (n, ... V)
        words = ({"lengths": lengths[question]}
                 if getattr(self.fusion, "sequences", False) else {})
        y, fusion_backward = self.fusion(u, v, **words)
        z, head_backward = self.head(y)

        def backward(dz):
            du, dv = fusion_backward(head_backward(dz))
            texts_backward(v_backward(dv))
            pictures_backward(u_backward(du))

        return z, backward


class TextEncoder(Module):
    """Read words: ids (k, t), lengths (k)  →  (k, hidden), or (k, t, hidden) unpooled.

    reader: "rnn", "lstm" or "attention" (one transformer block). Pooled, what was read
    is the state after the last word, or the mean over the words for attention.
    Raises ValueError for another reader.
    """

    def __init__(self, reader, words, width, hidden, rng, pooled=True):
        expect_one_of("TextEncoder", "reader", reader, ("rnn", "lstm", "attention"))
        self.reader_kind, self.pooled = reader, pooled
        if reader == "attention":
            self.embedding = Embedding(words, hidden, rng)
            self.reader = AttentionReader(hidden, rng)
        else:
            self.embedding = Embedding(words, width, rng)
            self.reader = {"rnn": RNN, "lstm": LSTM}[reader](width, hidden, rng)

    def __call__(self, ids, lengths):
        x, embedding_backward = self.embedding(ids)
        h, reader_backward = self.reader(x, lengths)
        if not self.pooled:
            y, pool_backward = h, None
        elif self.reader_kind == "attention":
            y, pool_backward = mean_step(h, lengths=lengths)
        else:
            y, pool_backward = last_step(h)

        def backward(dy):
            dh = pool_backward(dy) if pool_backward else dy
            embedding_backward(reader_backward(dh))

        return y, backward


class AttentionReader(Module):
    """Let words look at each other: x (n, t, width), lengths (n)  →  (n, t, width)."""

    def __init__(self, width, rng, heads=4, longest=64):
        self.positions = Positions(longest, width, rng)
        self.block = EncoderBlock(width, heads, 2 * width, rng)

    def __call__(self, x, lengths):
        x, positions_backward = self.positions(x)
        y, block_backward = self.block(x, mask=mask_of(lengths, x.shape[1]))

        def backward(dy):
            return positions_backward(block_backward(dy))

        return y, backward


def image_encoder(channels, features, rng, pool="max", size=32):
    """Convolutions, each with 2 × 2 max pooling and relu, and a look at what they saw.

    images (m, 3, size, size)   →   (m, features) by pool "max", global max pooling,
    which keeps whether a thing is seen and forgets where, or "flatten", which keeps
    where; with pool "cells" (m, places, channels[-1]), a row for each place.
    channels: those of the convolutions. The picture itself needs no gradient. relu
    comes after the pooling: the same numbers as before it, on a quarter of the places.
    Raises ValueError for another pool, TypeError for channels that are no numbers of
    them, one for each convolution.
    """
    if not isinstance(channels, (tuple, list)):
        raise TypeError("image_encoder: channels must be a tuple, one number for each "
                        f"convolution, got {channels!r}")
    expect_one_of("image_encoder", "pool", pool, ("max", "flatten", "cells"))
    layers, incoming, halve = [], 3, partial(max_pool2d, kernel_size=2)
    for k, outgoing in enumerate(channels):
        layers += [Conv2d(incoming, outgoing, 3, rng, padding=1, needs_dx=k > 0),
                   halve, relu]
        incoming, size = outgoing, size // 2
    if pool == "cells":
        return Sequential(*layers, cells)
    if pool == "flatten":
        return Sequential(*layers, flatten,
                          Linear(incoming * size * size, features, rng), relu)
    return Sequential(*layers, global_max_pool2d, Linear(incoming, features, rng), relu)


def fusion_classifier(words, answers, rng, fusion="concatenation", text="rnn",
                      pool="max", channels=(16, 32), features=64, embedding_dim=16,
                      hidden_size=64, head=128):
    """The classifier of easy-VQA: CNN and a reader of words, joined by a fusion.

    words, answers: the sizes of the vocabulary and of the set of answers. fusion: a
    name of fusion.FUSIONS; text: "rnn", "lstm" or "attention". Raises ValueError for
    another name.
    """
    expect_one_of("fusion_classifier", "fusion", fusion, FUSIONS)
    sequences = getattr(FUSIONS[fusion], "sequences", False)
    images = image_encoder(channels, features, rng, "cells" if sequences else pool)
    texts = TextEncoder(text, words, embedding_dim, hidden_size, rng, not sequences)
    joined = FUSIONS[fusion](channels[-1] if sequences else features, hidden_size, rng)
    return FusionClassifier(images, texts, joined, Sequential(
        Linear(joined.width, head, rng), relu, Linear(head, answers, rng, init=xavier)))


def article_model(words, answers, rng, size=64):
    """The network of the article's listing, as one network that is trained end to end.

    Three convolutions (32, 64, 128 filters of 3 × 3, no padding), each with 2 × 2 max
    pooling and relu, flattened; an embedding and an LSTM of 128; side by side into
    512, 256, 128 and 64 features with relu, and one score for yes. Raises ValueError
    for pictures of a size below 22, of which nothing would be left.
    """
    whole("article_model", "size", size, 22)
    layers, incoming, side = [], 3, size
    for k, outgoing in enumerate((32, 64, 128)):
        layers += [Conv2d(incoming, outgoing, 3, rng, needs_dx=k > 0),
                   partial(max_pool2d, kernel_size=2), relu]
        incoming, side = outgoing, (side - 2) // 2
    seen, read = incoming * side * side, 128
    dense, width = [], seen + read
    for outgoing in (512, 256, 128, 64):
        dense += [Linear(width, outgoing, rng), relu]
        width = outgoing
    return FusionClassifier(
        Sequential(*layers, flatten), TextEncoder("lstm", words, 64, read, rng),
        FUSIONS["concatenation"](seen, read, rng),
        Sequential(*dense, Linear(width, answers, rng, init=xavier)))


class JointEmbedding(Module):
    """Put pictures and texts into one space, where those that match lie close.

    images (n, c, h, w), ids (n, t), lengths (n)  →  (u, v), unit rows u (n, width) of
    the pictures and v (n, width) of the texts. `loss` compares them by contrastive,
    with a learned temperature. Source: Radford et al. 2021 (arXiv 2103.00020).
    """

    def __init__(self, image_encoder, text_encoder):
        self.image_encoder, self.text_encoder = image_encoder, text_encoder
        self.s = Parameter(np.array(np.log(10), np.float32))

    def __call__(self, *, images, ids, lengths):
        seen, seen_backward = self.image_encoder(images)
        read, read_backward = self.text_encoder(ids, lengths)
        u, u_backward = l2_normalize(seen)
        v, v_backward = l2_normalize(read)

        def backward(du, dv):
            seen_backward(u_backward(du))
            read_backward(v_backward(dv))

        return (u, v), backward

    def loss(self, u, v):
        return apply(contrastive, u, v, self.s)


def joint_embedding(words, rng, channels=(16, 32), width=64, embedding_dim=16):
    """Pictures and captions in one space of `width`, both read as by fusion_classifier.
    """
    images = image_encoder(channels, width, rng)
    images.layers[-1:] = [Linear(width, width, rng, init=xavier)]
    texts = TextEncoder("rnn", words, embedding_dim, width, rng)
    return JointEmbedding(images, texts)
