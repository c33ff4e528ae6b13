"""Examples: pictures, questions and answers as the arrays a network reads."""

from dataclasses import dataclass, replace

import numpy as np

from numnet.data.images import prepare
from numnet.data.text import UNKNOWN


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
    def of(cls, questions, tokenizer, answers):
        """Prepare pictures, encode texts, number the answers.

        Raises ValueError for an answer that is not among `answers`.
        """
        texts = sorted(set(questions.question))
        number = {text: k for k, text in enumerate(texts)}
        strange = set(questions.answer) - set(answers)
        if strange:
            raise ValueError(f"Examples: the answers {sorted(strange)} "
                             f"are not among {answers}")
        ids, lengths = tokenizer.encode(texts)
        return cls(prepare(questions.images), ids, lengths, questions.image,
                   np.array([number[text] for text in questions.question]),
                   np.array([answers.index(answer) for answer in questions.answer]))

    def batches(self, size, rng=None):
        """Groups of `size` pictures (arrays of numbers), shuffled if rng is given.

        A batch is some pictures with all their questions. A picture that nothing is
        asked about is in none.
        """
        order = np.unique(self.image)
        if rng is not None:
            order = rng.permutation(order)
        return [order[k:k + size] for k in range(0, len(order), size)]

    def rows(self, images):
        """The numbers of the examples about these pictures."""
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
