"""Other questions about the same pictures: measures, and captions.

Both are derived from what a dataset brings: measures from its pixels, captions from its
own questions and answers.
"""

import re

import numpy as np

from numnet.data import Questions
from numnet.data.images import expect_uint8

MEASURES = {                        # question: its usual answer, and how far it spreads
    "how far from the left is the shape?": (0.5, 0.2),
    "how far from the top is the shape?": (0.5, 0.2),
    "how much of the picture is the shape?": (0.08, 0.05),
}
SHAPES = {"circle", "rectangle", "triangle"}


def measure(images):
    """Measure the one shape of each picture from its pixels.

    images (m, h, w, 3) uint8   →   (m, 3): the centre from the left and from the top,
    as shares of the picture's width and height, and the area as a share of the
    picture's. How far a pixel is from the background, the colour of most corners,
    compared with the pixel furthest from it, is how much of it is covered. Raises
    ValueError for a picture of one colour, TypeError for what are no bytes.
    """
    expect_uint8("measure", "images", images, "(m, h, w, 3)")
    h, w = images.shape[1:3]
    corners = images[:, [0, 0, -1, -1], [0, -1, 0, -1]]            # (m, 4, 3)
    background = np.median(corners, axis=1)[:, None, None]
    away = np.abs(images - background).max(axis=3)
    most = away.max(axis=(1, 2), keepdims=True)
    if not most.all():
        raise ValueError("measure: images must each show a shape, picture "
                         f"{int(np.argmin(most))} is of one colour")
    covered = away / most                                          # (m, h, w)
    area = covered.sum(axis=(1, 2))
    left = covered.sum(axis=1) @ (np.arange(w) + 0.5) / area / w
    top = covered.sum(axis=2) @ (np.arange(h) + 0.5) / area / h
    return np.stack([left, top, area / (h * w)], axis=1)


def measuring(questions):
    """Ask how far from the left, from the top, and how large, about every picture.

    Questions   →   Questions about the same pictures; an answer is a number in text,
    less the usual one and divided by its spread (MEASURES).
    """
    usual, spread = np.array(list(MEASURES.values())).T
    numbers = (measure(questions.images) - usual) / spread
    return Questions(questions.images, np.repeat(np.arange(len(numbers)), 3),
                     list(MEASURES) * len(numbers),
                     [f"{number:.9g}" for number in numbers.ravel()])


def yes_or_no(questions):
    """Keep the questions that are answered yes or no."""
    rows = [k for k, answer in enumerate(questions.answer) if answer in ("yes", "no")]
    return Questions(questions.images, questions.image[rows],
                     [questions.question[k] for k in rows],
                     [questions.answer[k] for k in rows])


def captioned(questions):
    """Describe pictures in three words, such as "a blue rectangle".

    Questions   →   Questions with one "question" a picture, its caption (the answers
    are empty), about those pictures whose questions and answers tell both the colour
    and the shape. A question tells its answer, and what it names: "is there a red
    shape?" with yes, "is there not a red shape?" with no, "what is the red shape?"
    always.
    """
    answers = set(questions.answer) - {"yes", "no"}
    found = [{} for _ in questions.images]
    for image, question, answer in zip(questions.image, questions.question,
                                       questions.answer):
        words = set(re.findall(r"\w+", question))
        denied = bool(words & {"not", "no"})
        if answer in answers or (answer == "yes") != denied:
            for word in (words | {answer}) & answers:
                found[image]["shape" if word in SHAPES else "colour"] = word
    told = [k for k, words in enumerate(found) if len(words) == 2]
    return Questions(questions.images[told], np.arange(len(told)),
                     [f"a {found[k]['colour']} {found[k]['shape']}" for k in told],
                     [""] * len(told))
