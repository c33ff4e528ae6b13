"""Letters in many type faces and their Unicode names: pictures and captions at hand.

matplotlib brings the fonts, Python knows each letter's name, such as "latin small
letter e with acute": real pictures and real texts without a download.
"""

import re
import unicodedata
from pathlib import Path

import numpy as np

from numnet.data import Questions
from numnet.shapes import expect_one_of

SIZE = 32                              # pixels of a side
HEIGHT, BASELINE = 20, 23              # of the type; the row it stands on, from above
NAME = re.compile(r"latin (?:small|capital) letter [a-z](?: with ([a-z ]+))?")
FACES = tuple(f"DejaVu{family}{style}" for family, styles in (
    ("Sans", ("", "-Bold", "-Oblique", "-BoldOblique")),
    ("SansMono", ("", "-Bold", "-Oblique", "-BoldOblique")),
    ("Serif", ("", "-Bold", "-Italic", "-BoldItalic")),
) for style in styles) + (
    "STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta")
SPLITS = "glyphs", "glyphs-face", "glyphs-pairs"
NEW_FACE = "DejaVuSerif-Bold"          # the face that "glyphs-face" is tested on
HELD_OUT = 0.1                         # share of pictures, or of pairs, to be tested on


def letters():
    """Return the letters a to z, small and capital, with all marks: a dict to names."""
    named = ((chr(code), unicodedata.name(chr(code), "").lower())
             for code in range(0x41, 0x1F00))
    return {letter: name for letter, name in named if NAME.fullmatch(name)}


def draw(faces=FACES):
    """Draw every letter in every face that has it, dark on white, on one baseline.

    →   images (m, 32, 32, 3) uint8, names (m) and faces (m), lists of strings. Of
    letters that a face draws alike, none is drawn, since no one could tell them apart.
    Raises ValueError for a face that there is not.
    """
    from matplotlib import get_data_path
    from matplotlib.ft2font import FT2Font
    from PIL import Image, ImageDraw, ImageFont
    names, images, told = letters(), [], []
    for face in faces:
        if face not in FACES:
            raise ValueError(f"draw: faces must be among {', '.join(FACES)}, "
                             f"got {face!r}")
        path = str(Path(get_data_path(), "fonts", "ttf", f"{face}.ttf"))
        known = FT2Font(path).get_charmap()
        font, drawn = ImageFont.truetype(path, HEIGHT), {}
        for letter in names:
            if ord(letter) in known:
                image = Image.new("L", (SIZE, SIZE), 255)
                ImageDraw.Draw(image).text((SIZE / 2, BASELINE), letter, 0, font, "ms")
                drawn.setdefault(image.tobytes(), []).append((letter, image))
        for alike in drawn.values():
            if len(alike) == 1:
                images.append(np.array(alike[0][1]))
                told.append((names[alike[0][0]], face))
    images = np.repeat(np.stack(images)[..., None], 3, axis=3)
    return images, *map(list, zip(*told))


def load(split, seed=0):
    """Return the training and the test pictures, with their names for questions.

    split: "glyphs", a tenth of all pictures is set aside; "glyphs-face", one face;
    "glyphs-pairs", a tenth of the pairs of a letter and its marks, in all faces, each
    letter and each mark being seen in other pairs. The answers are empty.
    """
    expect_one_of("load", "split", split, SPLITS)
    rng = np.random.default_rng([seed, 2])
    images, names, faces = draw()
    if split == "glyphs":
        test = rng.random(len(names)) < HELD_OUT
    elif split == "glyphs-face":
        test = np.array(faces) == NEW_FACE
    else:
        test = np.isin(names, new_pairs(sorted(set(names)), rng))
    return tuple(Questions(images[rows], np.arange(len(rows)),
                           [names[k] for k in rows], [""] * len(rows))
                 for rows in (np.flatnonzero(~test), np.flatnonzero(test)))


def new_pairs(names, rng):
    """Choose names with marks to set aside, so that each of their words is still read.
    """
    marked = [name for name in names if " with " in name]
    left, chosen = list(names), []
    for k in rng.permutation(len(marked)):
        words = [word for name in left if name != marked[k] for word in name.split()]
        if set(marked[k].split()) <= set(words):
            left.remove(marked[k])
            chosen.append(marked[k])
        if len(chosen) >= HELD_OUT * len(marked):
            break
    return chosen
