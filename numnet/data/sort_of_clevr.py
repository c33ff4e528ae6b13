"""Sort-of-CLEVR: six things on a white ground, and how they lie to each other.

Every picture has one thing of each colour, a square or a circle. A question names a
colour; it is relational when its answer needs the other things as well.

The published generator finds the closest thing after writing 999 over the thing's own
*squared* distance. Where the others are all further than √999 = 31.6 pixels, the thing
is its own closest one, and a few per cent of the answers to that question are wrong.
Here a thing is never among the others.
Source: Santoro et al. 2017 (arXiv 1706.01427), https://github.com/kimhc6028/
relational-networks (the usual generator).
"""

from dataclasses import dataclass, replace

import numpy as np

from numnet.data.images import prepare
from numnet.data.text import Tokenizer
from numnet.metrics import accuracy
from numnet.shapes import expect_generator, expect_ids, whole

SIZE, RADIUS = 75, 5               # pixels: of a picture's side, and half of a thing's
COLORS = {
    "red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255),
    "orange": (255, 156, 0), "gray": (128, 128, 128), "yellow": (255, 255, 0),
}
SHAPES = ("square", "circle")
ANSWERS = (*SHAPES, "yes", "no", *"012345", *COLORS)
NON_RELATIONAL = {
    "shape": "what is the shape of the {} object?",
    "left": "is the {} object on the left half?",
    "top": "is the {} object on the top half?",
}
RELATIONAL = {
    "closest": "what is the shape of the object closest to the {} object?",
    "furthest": "what is the shape of the object furthest from the {} object?",
    "count": "how many other objects have the same shape as the {} object?",
}
HELPFUL = {                        # asked in training only: no majority to guess from
    "closest color": "what is the color of the object closest to the {} object?",
    "furthest color": "what is the color of the object furthest from the {} object?",
}
KINDS = {**NON_RELATIONAL, **RELATIONAL, **HELPFUL}
QUESTIONS = tuple(form.format(color) for form in KINDS.values() for color in COLORS)
ASKED = len(COLORS) * len(NON_RELATIONAL | RELATIONAL)           # 36, the first of 48
TOKENIZER = Tokenizer.fit(QUESTIONS)


def generate(rng, pictures):
    """Draw pictures of six things each, and answer every question about them.

    rng, the number m of pictures   →   images (m, 75, 75, 3) uint8; label (m, 48), the
    place in ANSWERS of the answer to each of QUESTIONS: 18 non-relational, 18
    relational, and 12 about colours that help in training.
    Raises ValueError for less than one picture.
    """
    expect_generator("generate", rng)
    pictures = whole("generate", "pictures", pictures, 1)
    center = place(rng, pictures)
    shape = rng.integers(len(SHAPES), size=center.shape[:2])
    return draw(center, shape), answer(center, shape)


def place(rng, m):
    """Find a place for every thing: centres (m, 6, 2) in whole pixels, x before y.

    A thing lies wholly in the picture; one after the other is drawn again until it is
    at least its own width, 11 pixels, from those before. Corners of squares may touch.
    """
    center = np.empty((m, len(COLORS), 2), np.int64)
    for k in range(len(COLORS)):
        todo = np.arange(m)
        while len(todo):
            center[todo, k] = rng.integers(RADIUS, SIZE - RADIUS, (len(todo), 2))
            gap = squared(center[todo, :k] - center[todo, k:k + 1])
            todo = todo[(gap < (2 * RADIUS + 1) ** 2).any(axis=-1)]
    return center


def draw(center, shape):
    """Paint things: center (m, 6, 2), shape (m, 6) in 0, 1  →  (m, 75, 75, 3) uint8."""
    images = np.full((len(center), SIZE, SIZE, 3), 255, np.uint8)
    y, x = np.mgrid[-RADIUS:RADIUS + 1, -RADIUS:RADIUS + 1]
    disc = x * x + y * y <= RADIUS * RADIUS + 3      # + 3: no spikes of one pixel
    for k, color in enumerate(COLORS.values()):
        for s, mask in enumerate([np.ones_like(disc), disc]):
            m = np.flatnonzero(shape[:, k] == s)[:, None]
            column, row = center[m, k, 0] + x[mask], center[m, k, 1] + y[mask]
            images[m, row, column] = color
    return images


def answer(center, shape):
    """Answer QUESTIONS: center (m, 6, 2), shape (m, 6)  →  (m, 48) places in ANSWERS.

    Of two that are equally far, the colour that stands first in COLORS is taken.
    """
    gap = squared(center[:, :, None] - center[:, None])          # (m, 6, 6)
    itself = np.eye(len(COLORS), dtype=bool)
    near = np.where(itself, gap.max() + 1, gap).argmin(axis=-1)
    far = np.where(itself, -1, gap).argmax(axis=-1)
    alike = (shape[:, :, None] == shape[:, None]).sum(axis=-1) - 1
    yes, no, none, first = map(ANSWERS.index, ["yes", "no", "0", "red"])
    half = np.where(2 * center < SIZE, yes, no)
    return np.concatenate([
        shape, half[:, :, 0], half[:, :, 1],
        np.take_along_axis(shape, near, axis=1),
        np.take_along_axis(shape, far, axis=1),
        none + alike, first + near, first + far], axis=1)


def squared(step):
    return (step * step).sum(axis=-1)


def encode(images, asked):
    """What a network is called with, to ask each picture the first so many QUESTIONS.

    images (n, 75, 75, 3) uint8   →   images (n, 3, 75, 75) float32; the questions as
    ids (asked, t) and lengths (asked); question (n, asked), those of each picture.
    """
    ids, lengths = TOKENIZER.encode(QUESTIONS[:asked])
    return {"images": prepare(images, factor=1), "ids": ids, "lengths": lengths,
            "question": np.tile(np.arange(asked), (len(images), 1))}


@dataclass(frozen=True)
class Drawn:
    """Some of the `size` pictures that come from a seed, all of them or a slice."""

    seed: int
    size: int
    pictures: range

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, part):
        return replace(self, pictures=self.pictures[part])


class FreshScenes:
    """Pictures without end, to train on: no batch ever comes again.

    An epoch is `steps` batches. A batch is named by a seed and a number of pictures
    (Drawn); the seeds come from the rng given to `batches`, and with them everything.
    """

    def __init__(self, steps):
        self.steps = whole("FreshScenes", "steps", steps, 1)

    def batches(self, size, rng=None):
        """One Drawn for each step; without rng the seeds are 0, 1, …"""
        seeds = (range(self.steps) if rng is None
                 else rng.integers(2 ** 63, size=self.steps).tolist())
        return [Drawn(seed, size, range(size)) for seed in seeds]

    def batch(self, drawn):
        """What the model is called with, and the labels (len(drawn), 48)."""
        images, label = generate(np.random.default_rng(drawn.seed), drawn.size)
        return encode(images[drawn.pictures], len(QUESTIONS)), label[drawn.pictures]


class Scenes:
    """A fixed set of m pictures, with the 36 questions that count.

    images (m, 75, 75, 3) uint8   label (m, 36)
    """

    def __init__(self, rng, pictures=1000):
        self.images, label = generate(rng, pictures)
        self.label = label[:, :ASKED]

    def batches(self, size, rng=None):
        """Groups of `size` pictures (arrays of numbers), shuffled if rng is given."""
        size, m = whole("batches", "size", size, 1), len(self.images)
        order = np.arange(m) if rng is None else rng.permutation(m)
        return [order[k:k + size] for k in range(0, m, size)]

    def rows(self, images):
        """The rows of `label` about these pictures, as `batch` gives them."""
        return images

    def batch(self, images):
        """What the model is called with, and the labels, for these pictures."""
        return encode(self.images[images], ASKED), self.label[images]


def accuracies(predicted, label):
    """The share of right answers to each kind of question, and to both families.

    predicted, label (m, 36)   →   a dict: "shape", "left", "top", "closest",
    "furthest", "count", then "non-relational" and "relational", the means of three.
    Raises ValueError for another number of questions.
    """
    if np.ndim(label) != 2 or label.shape[1] != ASKED:
        raise ValueError(f"accuracies: label must have axes (m, {ASKED}), "
                         f"got shape {np.shape(label)}")
    expect_ids("accuracies", "predicted", predicted, label.shape, len(ANSWERS))
    shares = {}
    for k, kind in enumerate(NON_RELATIONAL | RELATIONAL):
        asked = slice(k * len(COLORS), (k + 1) * len(COLORS))
        shares[kind] = accuracy(predicted[:, asked].ravel(), label[:, asked].ravel())
    for family, kinds in (("non-relational", NON_RELATIONAL),
                          ("relational", RELATIONAL)):
        shares[family] = float(np.mean([shares[kind] for kind in kinds]))
    return shares
