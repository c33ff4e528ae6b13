"""The networks people train: an image encoder, a text encoder, a fusion and a head."""

from functools import partial

from numnet.activation import relu
from numnet.convolution import Conv2d
from numnet.embedding import Embedding, embedding
from numnet.fusion import concatenate
from numnet.initialization import xavier
from numnet.linear import Linear
from numnet.module import Module, Sequential
from numnet.pooling import global_max_pool2d, max_pool2d
from numnet.recurrent import RNN, last_step


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
        pictures, pictures_backward = self.image_encoder(images)       # (m, U)
        texts, texts_backward = self.text_encoder(ids, lengths)        # (k, V)
        u, u_backward = embedding(pictures, ids=image)                 # (n, U)
        v, v_backward = embedding(texts, ids=question)                 # (n, V)
        y, fusion_backward = self.fusion(u, v)
        z, head_backward = self.head(y)

        def backward(dz):
            du, dv = fusion_backward(head_backward(dz))
            texts_backward(v_backward(dv))
            pictures_backward(u_backward(du))

        return z, backward


class TextEncoder(Module):
    """Read words one by one into a state: ids (k, t), lengths (k)  →  (k, hidden)."""

    def __init__(self, words, width, hidden, rng):
        self.embedding = Embedding(words, width, rng)
        self.rnn = RNN(width, hidden, rng)

    def __call__(self, ids, lengths):
        x, embedding_backward = self.embedding(ids)
        h, rnn_backward = self.rnn(x, lengths)
        y, last_backward = last_step(h)

        def backward(dy):
            embedding_backward(rnn_backward(last_backward(dy)))

        return y, backward


def image_encoder(channels, features, rng):
    """Two convolutions and a look at the whole picture: (m, 3, h, w)  →  (m, features).

    channels: those of the two convolutions. Global max pooling keeps whether a thing is
    seen, and forgets where. The picture itself needs no gradient.
    """
    first, second = channels
    halve = partial(max_pool2d, kernel_size=2)
    return Sequential(
        Conv2d(3, first, 3, rng, padding=1, needs_dx=False), relu, halve,
        Conv2d(first, second, 3, rng, padding=1), relu, halve,
        global_max_pool2d, Linear(second, features, rng), relu)


def fusion_classifier(words, answers, rng, channels=(16, 32), features=64,
                      embedding_dim=16, hidden_size=64, head=128):
    """The classifier of the first lessons: CNN and vanilla RNN, joined side by side.

    words, answers: the sizes of the vocabulary and of the set of answers.
    """
    return FusionClassifier(
        image_encoder(channels, features, rng),
        TextEncoder(words, embedding_dim, hidden_size, rng),
        concatenate,
        Sequential(Linear(features + hidden_size, head, rng), relu,
                   Linear(head, answers, rng, init=xavier)))
