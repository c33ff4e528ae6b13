"""Examples: pictures, questions and answers as the arrays a network reads."""

from dataclasses import dataclass, replace

import numpy as np

from numnet.data.images import prepare
from numnet.data.text import UNKNOWN
from numnet.shapes import expect_ids, whole


@dataclass(frozen=True, eq=False)
class Examples:
    """n questions about m pictures, in numbers.

    images (m, c, h, w) float32   ids (k, t), lengths (k): the k distinct questions
    image (n), question (n), label (n): each example's picture, question, answer
    """

    images: np.ndarray
    ids: np.ndarray
    lengths: np.ndarray
    image: np.ndarray
    question: np.ndarray
    label: np.ndarray

    @classmethod
    def of(cls, questions, tokenizer, answers, factor=2):
        """Prepare pictures, encode texts, number the answers.

        answers: all there are, or None where they are numbers themselves. factor: how
        much the pictures shrink. Raises ValueError for another answer.
        """
        texts = sorted(set(questions.question))
        number = {text: k for k, text in enumerate(texts)}
        if answers is None:
            label = np.array([float(answer) for answer in questions.answer])
        else:
            strange = set(questions.answer) - set(answers)
            if strange:
                raise ValueError(f"Examples: the answers {sorted(strange)} "
                                 f"are not among {answers}")
            label = np.array([answers.index(answer) for answer in questions.answer])
        ids, lengths = tokenizer.encode(texts)
        return cls(prepare(questions.images, factor), ids, lengths, questions.image,
                   np.array([number[text] for text in questions.question]), label)

    def batches(self, size, rng=None):
        """Groups of `size` pictures (arrays of numbers), shuffled if rng is given.

        A batch is some pictures with all their questions. A picture that nothing is
        asked about is in none.
        """
        size, order = whole("batches", "size", size, 1), np.unique(self.image)
        if rng is not None:
            order = rng.permutation(order)
        return [order[k:k + size] for k in range(0, len(order), size)]

    def rows(self, images):
        """The numbers of the examples about these pictures.

        Raises ValueError for a picture that is not there, TypeError for no integers.
        """
        images = np.asarray(images)
        expect_ids("rows", "images", images, None, len(self.images))
        wanted = np.zeros(len(self.images), bool)
        wanted[images] = True
        return np.flatnonzero(wanted[self.image])

    def batch(self, images):
        """What the model is called with, and the labels, for these pictures."""
        rows = self.rows(images)
        images, image = np.unique(self.image[rows], return_inverse=True)
        questions, question = np.unique(self.question[rows], return_inverse=True)
        lengths = self.lengths[questions]
        inputs = {"images": self.images[images],
                  "ids": self.ids[questions, :lengths.max()], "lengths": lengths,
                  "image": image, "question": question}
        return inputs, self.label[rows]

    def without(self, what, rng):
        """The same examples with one input hidden, to see what the other can do alone.

        "image": every picture is blank. "question": every question is one unknown word.
        "pairing": each example gets the question of another one, drawn by rng.
        """
        if what == "image":
            return replace(self, images=np.zeros_like(self.images))
        if what == "question":
            return replace(self, ids=np.full((1, 1), UNKNOWN), lengths=np.ones(1, int),
                           question=np.zeros_like(self.question))
        if what == "pairing":
            return replace(self, question=rng.permutation(self.question))
        raise ValueError("without: what must be image, question or pairing, "
                         f"got {what!r}")


class Pairs:
    """Pictures and their captions, in batches where no caption comes twice.

    images (m, c, h, w) float32   texts, their captions (m)   label (m), 1 everywhere:
    what stands in the same place of a batch belongs together
    """

    def __init__(self, images, texts, tokenizer):
        self.images = images
        self.texts = sorted(set(texts))
        self.text = np.array([self.texts.index(text) for text in texts])
        self.ids, self.lengths = tokenizer.encode(self.texts)
        self.label = np.ones(len(images), np.int64)

    def batches(self, size, rng=None):
        """The first picture of every caption, the second of every caption, and so on,
        each of these rounds in groups of `size`; shuffled before, if rng is given.
        """
        size, m = whole("batches", "size", size, 1), len(self.images)
        order = np.arange(m) if rng is None else rng.permutation(m)
        by_text = np.argsort(self.text[order], kind="stable")
        text, turn = self.text[order][by_text], np.empty(m, np.int64)
        turn[by_text] = np.arange(m) - np.searchsorted(text, text)
        rounds = [order[turn == k] for k in range(turn.max() + 1)]
        return [one[k:k + size] for one in rounds for k in range(0, len(one), size)]

    def rows(self, images):
        """Where these pictures stand in `label`."""
        return images

    def batch(self, images):
        """What the model is called with, and the labels, for these pictures.

        Raises ValueError for a picture that is not there, TypeError for no integers.
        """
        images = np.asarray(images)
        expect_ids("batch", "images", images, None, len(self.images))
        text = self.text[images]
        return {"images": self.images[images], "ids": self.ids[text],
                "lengths": self.lengths[text]}, self.label[images]
