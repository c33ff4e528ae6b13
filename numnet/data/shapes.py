"""Pictures of one shape each, with questions: generated as easy-VQA was.

The forms, sizes, colours, questions and their proportions are those of easy-VQA, so
that a network trained on these pictures can answer about those.
Source: Victor Zhou 2019, https://github.com/vzhou842/easy-VQA (MIT).
"""

import numpy as np

from numnet.data import Questions
from numnet.shapes import expect_generator, whole

SIZE = 64                          # pixels of a side; drawn twice as large, then halved
SHAPES = ("circle", "rectangle", "triangle")
COLORS = {
    "black": (0, 0, 0), "blue": (0, 0, 255), "brown": (165, 42, 42),
    "gray": (128, 128, 128), "green": (0, 255, 0), "red": (255, 0, 0),
    "teal": (0, 128, 128), "yellow": (255, 255, 0),
}
ABOUT_SHAPE = (                                      # answered by the shape
    "what shape is in the image?", "what shape is present?",
    "what shape does the image contain?", "what is the {color} shape?",
)
ABOUT_COLOR = (                                      # answered by the colour
    "what color is the {shape}?", "what is the color of the {shape}?",
    "what color is the shape?", "what is the color of the shape?",
)
IS_THERE = (                                         # yes where the thing is there
    "is there a {thing}?", "is there a {thing} in the image?",
    "does the image contain a {thing}?", "is a {thing} present?",
)
IS_THERE_NOT = (                                     # no where the thing is there
    "is there not a {thing}?", "is there not a {thing} in the image?",
    "does the image not contain a {thing}?", "is no {thing} present?",
)
ASKED = 0.32, 0.08                 # the share of what- and of yes/no questions asked


def generate(rng, images=4000):
    """Draw pictures of one shape each on a pale background, and ask about them.

    rng, the number m of pictures   →   Questions with images (m, 64, 64, 3): about 9.6
    a picture, in 107 wordings with 13 answers, 73 % of them yes or no.
    Raises ValueError for less than one picture.
    """
    expect_generator("generate", rng)
    images = whole("generate", "images", images, 1)
    shape = rng.integers(len(SHAPES), size=images)
    color = rng.integers(len(COLORS), size=images)
    pictures = paint(cover(shape, rng), color, rng)

    askable = [[ask(s, c) for c in COLORS] for s in SHAPES]
    what, every = len(ABOUT_SHAPE + ABOUT_COLOR), len(askable[0][0])
    share = np.repeat(ASKED, [what, every - what])
    image, chosen = np.nonzero(rng.random((images, len(share))) < share)
    pairs = [askable[shape[i]][color[i]][k] for i, k in zip(image, chosen)]
    return Questions(pictures, image.astype(np.int64),
                     [question for question, _ in pairs],
                     [answer for _, answer in pairs])


def ask(shape, color):
    """Return every (question, answer) about a picture, those with what first."""
    pairs  = [(form.format(color=color), shape) for form in ABOUT_SHAPE]
    pairs += [(form.format(shape=shape), color) for form in ABOUT_COLOR]
    for thing in (*SHAPES, *(f"{other} shape" for other in COLORS)):
        there = thing in (shape, f"{color} shape")
        pairs += [(form.format(thing=thing), "yes" if there else "no")
                  for form in IS_THERE]
        pairs += [(form.format(thing=thing), "no" if there else "yes")
                  for form in IS_THERE_NOT]
    return pairs


def cover(shape, rng):
    """Place each shape and return how much of each pixel it covers, in 64ths.

    shape (n,) integers, places in SHAPES   →   (n, 64, 64) uint8, 0 … 64.
    On every row a shape reaches from one side of its box to the other, less an inset
    on either side. Both ends count: a box of width 5 is 6 pixels wide, before halving.
    """
    width, other = rng.integers(SIZE // 4, SIZE, (2, len(shape), 1), endpoint=True)
    shape = shape[:, None]                                       # [n, 1], as all below
    width -= (shape == SHAPES.index("circle")) * (width % 2)     # whole pixel in centre
    equilateral = np.ceil(width * np.sqrt(0.75)).astype(int)
    height = np.choose(shape, [width, other, equilateral])
    left = rng.integers(2 * SIZE - width, endpoint=True)
    top = rng.integers(2 * SIZE - height, endpoint=True)

    row = np.arange(2 * SIZE) - top                              # [n, 128]
    arc = ((width + 1) / 2) ** 2 - (row - width / 2) ** 2
    inset = np.choose(shape, [
        width / 2 - np.sqrt(np.maximum(arc, 0)),                 # circle
        0,                                                       # rectangle
        (height - row) * width / (2 * height) - 0.5])            # triangle
    inset[(row < 0) | (row > height)] = 2 * SIZE                 # nothing on this row

    column = (np.arange(2 * SIZE) - left)[:, None, :]            # [n, 1, 128]
    inside = column >= inset[:, :, None]                         # [n, 128, 128]
    inside &= column <= (width - inset)[:, :, None]
    return halve(halve(inside.view(np.uint8)).swapaxes(1, 2)).swapaxes(1, 2)


def halve(x):
    """Halve the last axis by the weights 1 3 3 1 (a bilinear filter), not divided by 8.

    Beyond either end, the last value goes on.
    """
    even, odd = x[..., 0::2], x[..., 1::2]
    y = 3 * (even + odd)
    y[..., 1:] += odd[..., :-1]
    y[..., :-1] += even[..., 1:]
    y[..., 0] += even[..., 0]
    y[..., -1] += odd[..., -1]
    return y


def paint(covered, color, rng):
    """Lay each shape's colour over a pale background of its own.

    covered (n, h, w) 0 … 64   color (n,) places in COLORS   →   (n, h, w, 3) uint8
    """
    background = rng.integers(230, 255, (len(color), 1, 3), endpoint=True)
    ink = np.array(list(COLORS.values()))[color][:, None, :]
    share = np.arange(65)[:, None] / 64
    mixed = np.round(background + (ink - background) * share).astype(np.uint8)
    return mixed[np.arange(len(covered))[:, None, None], covered]
