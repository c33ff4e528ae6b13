from math import exp, log

import numpy as np

from numnet.captions import Captioner, beam_search
from numnet.pooling import cells
from oracles.literal import normal, oracle

WORDS, MARK, LONGEST, WIDTH = 5, 4, 3, 4


def case(rng):
    """A captioner of small random weights, and a picture of 2 × 3 cells."""
    model = Captioner(cells, 6, 7, WORDS, rng, width=6, heads=2, blocks=1, longest=8)
    for p in model.parameters():
        p.value = rng.normal(size=p.value.shape)
    return model, *normal(rng, (7, 2, 3))


def S(model, image, text):
    """The sum over s of log p(w_s | what stands before), one softmax at a time."""
    total = 0.0
    for s in range(len(text)):
        ids = np.array([(MARK, *text[:s])])
        scores = model(images=image[None], ids=ids)[0][0, -1]
        total += log(exp(scores[text[s]]) / sum(exp(score) for score in scores))
    return total


@oracle("beam_search.1")
def likelihoods(rng):
    model, image = case(rng)
    found = beam_search(model, image, mark=MARK, longest=LONGEST, width=WIDTH)
    return ([score for _, score in found],
            np.array([S(model, image, (*words, MARK) if len(words) < LONGEST else
                        (*words,)) for words, _ in found]))


@oracle("beam_search.2")
def texts(rng):
    """Where no text ends before the last word: B_1, B_2, B_3 by looking at them all."""
    model, image = case(rng)
    model.head.b.value = np.where(np.arange(WORDS) == MARK, -60.0, 0.0)
    found = beam_search(model, image, mark=MARK, longest=LONGEST, width=WIDTH)
    B = [()]
    for _ in range(LONGEST):
        every = [(*b, w) for b in B for w in range(WORDS)]
        B = sorted(every, key=lambda text: S(model, image, text), reverse=True)[:WIDTH]
    return np.array([words for words, _ in found]) + 1, np.array(B) + 1
