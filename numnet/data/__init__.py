"""Pictures with questions and answers: one form for every dataset."""

from dataclasses import dataclass

import numpy as np

from numnet.shapes import expect_generator, expect_ids, expect_real, whole

NAMES = ("easy-vqa", "shapes", "glyphs", "glyphs-face", "glyphs-pairs")


@dataclass(frozen=True, eq=False)
class Questions:
    """Pictures, and questions about them; several questions share a picture.

    images (m, h, w, 3) uint8   image (n,) int64, the picture each question is about
    question, answer: lists of n strings
    Raises TypeError for arrays of another kind or answers that are no strings,
    ValueError where the four do not fit together.
    """

    images: np.ndarray
    image: np.ndarray
    question: list[str]
    answer: list[str]

    def __post_init__(self):
        expect_array("images", self.images, np.uint8, "(m, h, w, 3)", 4)
        expect_array("image", self.image, np.int64, "(n,)", 1)
        m, n = len(self.images), len(self.image)
        if self.images.shape[-1] != 3 or 0 in self.images.shape:
            raise ValueError("Questions: images must have axes (m, h, w, 3), none of "
                             f"them empty, got shape {self.images.shape}")
        if len(self.question) != n or len(self.answer) != n:
            raise ValueError(f"Questions: image is about {n} questions, got "
                             f"{len(self.question)} questions and "
                             f"{len(self.answer)} answers")
        if n and not 0 <= self.image.min() <= self.image.max() < m:
            raise ValueError(f"Questions: image must be in 0..{m - 1}, got "
                             f"{self.image.min()}..{self.image.max()}")
        for name, texts in ("question", self.question), ("answer", self.answer):
            if isinstance(texts, str) or not all(isinstance(text, str)
                                                 for text in texts):
                raise TypeError(f"Questions: {name} must be a list of strings")

    def __len__(self):
        return len(self.image)

    def of_images(self, images):
        """Return the questions about some of the pictures, in the order they stand.

        images (k,) integers, none twice   →   Questions whose picture j is images[j].
        Raises ValueError for a picture that is not there, or there twice; TypeError for
        what are no integers.
        """
        images = np.asarray(images)
        m = len(self.images)
        expect_ids("of_images", "images", images, (images.size,), m)
        place = np.full(m, -1)
        place[images] = np.arange(len(images))
        if np.count_nonzero(place >= 0) != len(images):
            raise ValueError("of_images: images names a picture twice")
        rows = np.flatnonzero(place[self.image] >= 0)
        return Questions(self.images[images], place[self.image[rows]],
                         [self.question[row] for row in rows],
                         [self.answer[row] for row in rows])


def expect_array(name, array, dtype, axes, ndim):
    must = f"Questions: {name} must be a {np.dtype(dtype)} array with axes {axes}"
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        raise TypeError(f"{must}, got {getattr(array, 'dtype', type(array).__name__)}")
    if array.ndim != ndim:
        raise ValueError(f"{must}, got shape {array.shape}")


def split_by_image(questions, fraction, rng):
    """Set a share of the pictures aside, each with all its questions.

    questions of m pictures   →   rest, held_out with round(fraction m) pictures, at
    least one on either side. A split of the questions instead would show the held-out
    pictures in training. Raises ValueError for a share that leaves a side empty.
    """
    m = len(questions.images)
    expect_real("split_by_image", "fraction", fraction)
    if not 0 < fraction < 1 or m < 2:
        raise ValueError("split_by_image: fraction must be between 0 and 1, of two or "
                         f"more pictures, got {fraction} of {m}")
    expect_generator("split_by_image", rng)
    held = min(max(round(fraction * m), 1), m - 1)
    order = rng.permutation(m)
    return (questions.of_images(np.sort(order[held:])),
            questions.of_images(np.sort(order[:held])))


def load(name, seed=0):
    """Return the training and the test Questions of a dataset, with no picture in both.

    "easy-vqa": 4,000 and 1,000 pictures that come with the package easy-vqa; the seed
    has no effect. "shapes": as many, generated from the seed. "glyphs", "glyphs-face",
    "glyphs-pairs": letters and their names, set aside in three ways.
    Raises ValueError for another name or a seed below 0, FileNotFoundError where
    easy-vqa is not installed.
    """
    seed = whole("load", "seed", seed, 0)
    if name == "easy-vqa":
        from numnet.data import easy_vqa
        return easy_vqa.load()
    if name == "shapes":
        from numnet.data import shapes
        return (shapes.generate(np.random.default_rng([seed, 0]), 4000),
                shapes.generate(np.random.default_rng([seed, 1]), 1000))
    if name in NAMES:
        from numnet.data import glyphs
        return glyphs.load(name, seed)
    raise ValueError(f"load: name must be one of {', '.join(NAMES)}, got {name!r}")
