import numpy as np
import pytest

from numnet.data import Questions, shapes
from numnet.data.derived import MEASURES, captioned, measure, measuring, yes_or_no

MADE = shapes.generate(np.random.default_rng(7), 300)


def truth(seed, m):
    """Shape and colour of each picture: the first two draws of shapes.generate."""
    rng = np.random.default_rng(seed)
    shape, color = rng.integers(len(shapes.SHAPES), size=m), rng.integers(8, size=m)
    return [f"a {list(shapes.COLORS)[c]} {shapes.SHAPES[s]}"
            for s, c in zip(shape, color)]


def painted(covered, background=(240, 250, 231), ink=(0, 128, 128)):
    """One picture from the share of each pixel that is covered."""
    share = np.asarray(covered, float)[None, :, :, None]
    return np.rint(background + share * (np.array(ink) - background)).astype(np.uint8)


def box(top, left, height, width, side=(20, 30)):
    covered = np.zeros(side)
    covered[top:top + height, left:left + width] = 1
    return covered


# ---- measures -----------------------------------------------------------------------

@pytest.mark.parametrize("top, left, height, width", [
    (3, 5, 8, 12), (9, 14, 2, 2), (0, 4, 6, 9), (12, 0, 8, 3), (0, 0, 7, 11),
    (13, 21, 7, 9), (0, 25, 6, 5)])
@pytest.mark.parametrize("ink", [(0, 0, 0), (255, 255, 0), (165, 42, 42)])
def test_a_box_is_measured_where_it_was_drawn_even_in_a_corner(top, left, height, width,
                                                               ink):
    row, = measure(painted(box(top, left, height, width), ink=ink))
    assert row == pytest.approx([(left + width / 2) / 30, (top + height / 2) / 20,
                                 height * width / 600], abs=1e-12)


def test_a_disc_is_measured_by_how_much_of_each_pixel_is_covered():
    y, x = np.mgrid[:400, :600] + 0.5                # ten by ten points in a pixel
    fine = (x - 172) ** 2 + (y - 231) ** 2 <= 83 ** 2
    covered = fine.reshape(20, 20, 30, 20).mean(axis=(1, 3))
    row, = measure(painted(covered))
    assert row == pytest.approx([172 / 600, 231 / 400, np.pi * 83 ** 2 / 240_000],
                                abs=2e-4)


def test_pictures_are_measured_each_by_itself():
    images = np.concatenate([painted(box(2, 3, 4, 5)), painted(box(9, 8, 7, 6),
                                                               (230, 255, 255))])
    rows = measure(images)
    assert rows.shape == (2, 3) and (rows[0] == measure(images[:1])[0]).all()
    assert (rows[1] == measure(images[1:])[0]).all()


def test_a_picture_of_one_colour_is_named():
    images = np.concatenate([painted(box(2, 3, 4, 5)), painted(box(0, 0, 0, 0))])
    with pytest.raises(ValueError, match="picture 1 is of one colour"):
        measure(images)


def test_every_picture_is_asked_three_measures_in_turn_in_units_of_their_spread():
    asked = measuring(MADE)
    assert asked.question == list(MEASURES) * 300
    assert asked.image.tolist() == [k // 3 for k in range(900)]
    usual, spread = np.array([MEASURES[text] for text in asked.question]).T
    numbers = np.array([float(answer) for answer in asked.answer])
    np.testing.assert_allclose((usual + spread * numbers).reshape(-1, 3),
                               measure(MADE.images), rtol=0, atol=1e-8)
    assert np.abs(numbers.reshape(-1, 3).mean(axis=0)).max() < 1     # usual is usual
    assert 0.4 < numbers.std() < 2


# ---- yes or no ----------------------------------------------------------------------

def test_only_questions_that_are_answered_yes_or_no_are_kept_in_their_order():
    kept = yes_or_no(MADE)
    rows = [(i, q, a) for i, q, a in zip(MADE.image.tolist(), MADE.question,
                                         MADE.answer) if a in ("yes", "no")]
    assert 0 < len(rows) < len(MADE) and kept.images is MADE.images
    assert list(zip(kept.image.tolist(), kept.question, kept.answer)) == rows


# ---- captions -----------------------------------------------------------------------

def test_a_caption_is_what_the_picture_was_drawn_from():
    made = captioned(MADE)
    drawn = dict(zip((image.tobytes() for image in MADE.images), truth(7, 300)))
    assert len(drawn) == 300
    assert made.question == [drawn[image.tobytes()] for image in made.images]
    assert made.image.tolist() == list(range(len(made.images)))
    assert len(set(made.question)) == 24 and set(made.answer) == {""}
    assert 200 < len(made.images) < 300              # the others do not tell


def describe(*pairs):
    """The caption of a picture from questions and answers about it, if they tell."""
    known = [("what color is the shape?", color) for color in shapes.COLORS]
    known += [("what shape is present?", shape) for shape in shapes.SHAPES]
    images = np.zeros((len(known) + 1, 4, 6, 3), np.uint8)
    images += np.arange(len(images), dtype=np.uint8)[:, None, None, None]
    image = [0] * len(pairs) + list(range(1, len(known) + 1))
    question, answer = zip(*pairs, *known)
    made = captioned(Questions(images, np.array(image), list(question), list(answer)))
    assert made.images.max(initial=0) == 0           # of the known ones none tells both
    return made.question


CIRCLE = ("what shape is in the image?", "circle")


@pytest.mark.parametrize("pairs", [
    [("what is the red shape?", "circle")], [("what color is the circle?", "red")],
    [("what is the color of the shape?", "red"), CIRCLE],
    [("is there a red shape?", "yes"), CIRCLE],
    [("is there not a red shape in the image?", "no"), CIRCLE],
    [("does the image not contain a red shape?", "no"), CIRCLE],
    [("is no red shape present?", "no"), ("is there a circle?", "yes")],
    [("is there a blue shape?", "no"), ("is no triangle present?", "yes"),
     ("is a circle present?", "yes"), ("is there not a red shape?", "no")]])
def test_a_question_tells_its_answer_and_what_it_names_unless_that_is_denied(pairs):
    assert describe(*pairs) == ["a red circle"]


@pytest.mark.parametrize("pairs", [
    [CIRCLE, ("is there a red shape?", "no")], [("what color is the shape?", "red")],
    [CIRCLE, ("is there not a red shape?", "yes")], [CIRCLE],
    [CIRCLE, ("is no red shape present?", "yes")],
    [CIRCLE, ("does the image contain a red shape?", "no")]])
def test_what_is_not_told_is_not_guessed(pairs):
    with pytest.raises(ValueError, match="none of them empty"):
        describe(*pairs)                             # no picture is left


def test_every_wording_about_a_picture_tells_nothing_wrong():
    for shape in shapes.SHAPES:
        for color in shapes.COLORS:
            for pair in shapes.ask(shape, color):
                if pair[1] in ("yes", "no"):
                    told = describe(pair, ("what color is the shape?", color),
                                    ("what shape is present?", shape))
                    assert told == [f"a {color} {shape}"]


def test_the_questions_themselves_stay_as_they_are():
    before = MADE.images.tobytes(), MADE.image.tobytes(), list(MADE.question)
    for ask in measuring, yes_or_no, captioned:
        ask(MADE)
    assert before == (MADE.images.tobytes(), MADE.image.tobytes(), list(MADE.question))
