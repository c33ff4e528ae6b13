"""One question about one picture file: what a network takes, and what it answers."""

import sys

import numpy as np

from numnet import data, recipes
from numnet.activation import sigmoid, softmax
from numnet.data import derived, images
from numnet.data.text import Tokenizer, split


def picture_of(config, path):
    """A picture file as the run's own pictures are: (size, size, 3) uint8."""
    return images.resize(images.read(path), recipes.picture_size(config)[0])


def words_of(config, text, what="question"):
    """The words of a text as ids (1, t) and lengths (1); says which are unknown.

    Raises ValueError when all of them are.
    """
    tokenizer = Tokenizer(config.words)
    ids, lengths = tokenizer.encode([text])
    unknown = tokenizer.unknown(text)
    if len(unknown) == lengths[0]:
        raise ValueError(f"the model has never read a word of this {what}: "
                         + ", ".join(unknown))
    if unknown:
        print("words the model has never read: " + ", ".join(unknown), file=sys.stderr)
    return ids, lengths


def expect_both(command, config):
    """Refuse a run that was trained with its pictures or its questions hidden."""
    if config.inputs != "both":
        raise ValueError(f"{command}: the run must see pictures and questions, its "
                         f"inputs are: {config.inputs}")


def ask(config, picture, question):
    """A picture (size, size, 3) uint8 and a question, as the run's model takes them.

    Raises ValueError for a run that takes no question, or not this one.
    """
    if config.task == "match":
        raise ValueError("this run matches captions and pictures, it takes no question")
    if config.task == "caption":
        raise ValueError("this run writes captions (numnet caption), it takes no "
                         "question")
    if config.task == "measure":
        measure_of(question)
    ids, lengths = words_of(config, question)
    one = np.zeros(1, np.int64)
    if config.data == "sort-of-clevr":
        return {"images": images.prepare(picture[None], factor=1), "ids": ids,
                "lengths": lengths, "question": one[:, None]}
    some = config.answers[0] if config.answers else "0"          # it is not looked at
    asked = data.Questions(picture[None], one, [question], [some])
    return recipes.prepare(asked, config).batch(one)[0]


def measure_of(question):
    """The usual answer to a question for a measure, and how far it spreads."""
    for text, numbers in derived.MEASURES.items():
        if split(text) == split(question):
            return numbers
    raise ValueError("this run measures; its questions are: "
                     + " ".join(derived.MEASURES))


def shares(config, z):
    """How likely each of the run's answers is, from the scores z of one question."""
    if config.task == "yes-no":
        yes = sigmoid(z.reshape(-1))[0][0]
        return np.array([1 - yes, yes])
    return softmax(z.reshape(-1))[0]
