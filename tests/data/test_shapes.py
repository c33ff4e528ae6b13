from collections import Counter

import numpy as np
import pytest

from numnet.data import easy_vqa, shapes
from numnet.data.images import read


@pytest.fixture(scope="module")
def made():
    return shapes.generate(np.random.default_rng(0), 1500)


def facts(questions):
    """The shape and the colour of each picture, as its answers tell them."""
    told = [(set(shapes.SHAPES), set(shapes.COLORS)) for _ in questions.images]
    for i, question, answer in zip(questions.image, questions.question,
                                   questions.answer):
        words = set(question[:-1].split())
        for known in told[i]:
            if answer in known:
                known &= {answer}
            elif answer in ("yes", "no") and words & known:
                there = (answer == "yes") != bool(words & {"no", "not"})
                if there:
                    known &= words
                else:
                    known -= words
    return told


def test_the_wordings_and_the_answers_are_those_of_easy_vqa(made):
    pytest.importorskip("easy_vqa")
    for directory in "train", "test":
        _, question, answer = easy_vqa.read_questions(
            easy_vqa.find_package()[0] / directory)
        assert set(made.question) == set(question)
        assert set(made.answer) == set(answer)


def test_the_proportions_are_those_of_easy_vqa(made):
    pytest.importorskip("easy_vqa")
    image, question, answer = easy_vqa.read_questions(
        easy_vqa.find_package()[0] / "train")
    m, n = len(made.images), len(made)
    assert abs(n / m - len(image) / 4000) < 0.4
    for ours, theirs in (made.answer, answer), (made.question, question):
        ours, theirs = Counter(ours), Counter(theirs)
        for text in theirs:
            share = theirs[text] / len(image)
            assert abs(ours[text] / n - share) < 5 * np.sqrt(share * (1 - share) / n)


def test_the_answers_about_a_picture_agree(made):
    told = facts(made)
    assert all(shape and color for shape, color in told)
    assert sum(len(shape) == len(color) == 1 for shape, color in told) > 1000


def test_the_middle_of_the_shape_has_the_colour_that_is_asked_for(made):
    far = np.abs(made.images.astype(int) - made.images[:, :1, :1]).sum(-1)
    far = far.reshape(len(far), -1).argmax(axis=1)
    full = made.images.reshape(len(far), -1, 3)[np.arange(len(far)), far]
    for picture, (_, color) in zip(full, facts(made)):
        if len(color) == 1:
            assert tuple(picture) == shapes.COLORS[color.pop()]


def touched_pixels(images):
    """Return the backgrounds (m, 3), and where a picture differs from its own."""
    corner = np.median([images[:, i, j] for i in (0, -1) for j in (0, -1)], axis=0)
    return corner, (images != corner[:, None, None]).any(-1)


def test_shapes_are_as_large_as_those_of_easy_vqa(made):
    pytest.importorskip("easy_vqa")
    directory = easy_vqa.find_package()[0] / "train" / "images"
    real = np.stack([read(directory / f"{i}.png") for i in range(400)])
    ours, theirs = (touched_pixels(images)[1].sum((1, 2)).astype(float)
                    for images in (made.images, real))
    assert abs(ours.mean() / theirs.mean() - 1) < 0.1
    assert abs(ours.std() / theirs.std() - 1) < 0.1


def test_backgrounds_are_pale_and_shapes_are_small(made):
    corner, touched = touched_pixels(made.images)
    assert corner.min() == 230 and corner.max() == 255
    size = np.stack([touched.any(2).sum(1), touched.any(1).sum(1)])
    assert size.min() >= 8 and size.max() == 34
    assert touched.sum((1, 2)).max() <= 34 * 34


@pytest.mark.parametrize("shape, fill", [
    ("circle", np.pi / 4), ("rectangle", 1), ("triangle", 1 / 2)])
def test_a_shape_covers_its_share_of_its_box(shape, fill):
    covered = shapes.cover(np.full(40, shapes.SHAPES.index(shape)),
                           np.random.default_rng(0)) / 64
    box = np.stack([covered.sum(axis).max(1) for axis in (1, 2)])
    share = covered.sum((1, 2)) / box.prod(0)
    large = box.min(0) > 16                          # small ones are mostly outline
    assert large.sum() > 10
    np.testing.assert_allclose(share[large], fill, atol=0.07)


def test_circles_are_as_wide_as_high_to_the_pixel():
    covered = shapes.cover(np.full(400, shapes.SHAPES.index("circle")),
                           np.random.default_rng(0))
    width, height = (covered.any(axis).sum(1) for axis in (1, 2))
    assert (width == height).mean() > 0.9              # 94 % of the real ones are


def test_triangles_stand_on_their_base():
    covered = shapes.cover(np.full(40, shapes.SHAPES.index("triangle")),
                           np.random.default_rng(0)) / 64
    rows = np.arange(64) @ covered.sum(2).T / covered.sum((1, 2))
    seen = covered.any(2)
    middle = (seen.argmax(1) + 63 - seen[:, ::-1].argmax(1)) / 2
    assert (rows > middle).all()


def test_halving_weighs_four_neighbours_1_3_3_1():
    x = np.array([[5, 7, 2, 4, 6, 9]], np.uint8)
    padded = np.array([5, 5, 7, 2, 4, 6, 9, 9])
    expected = [padded[2 * k:2 * k + 4] @ [1, 3, 3, 1] for k in range(3)]
    assert shapes.halve(x).tolist() == [expected]


def test_the_same_seed_gives_the_same_pictures_and_questions():
    first, second, other = (shapes.generate(np.random.default_rng(seed), 7)
                            for seed in (3, 3, 4))
    assert (first.images == second.images).all()
    assert first.question == second.question and first.answer == second.answer
    assert (first.images != other.images).any()
