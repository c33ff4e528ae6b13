import numpy as np
import pytest

from numnet.data import Questions, split_by_image
from numnet.data.easy_vqa import cache_directory


def some(m=5, counts=(3, 0, 2, 4, 2)):
    """m pictures of 4 × 6 pixels, each filled with its own number."""
    images = np.zeros((m, 4, 6, 3), np.uint8) + np.arange(m, dtype=np.uint8)[
        :, None, None, None]
    image = np.repeat(np.arange(m), counts)
    return Questions(images, image, [f"q{k} of {i}" for k, i in enumerate(image)],
                     [f"a{k}" for k in range(len(image))])


def test_questions_have_a_length():
    assert len(some()) == 11


def test_questions_of_images_follow_their_picture():
    part = some().of_images(np.array([3, 0]))
    assert part.images[:, 0, 0, 0].tolist() == [3, 0]
    assert part.image.tolist() == [1, 1, 1, 0, 0, 0, 0]
    assert part.question == [f"q{k} of {i}" for k, i in
                             [(0, 0), (1, 0), (2, 0), (5, 3), (6, 3), (7, 3), (8, 3)]]
    assert part.answer == ["a0", "a1", "a2", "a5", "a6", "a7", "a8"]


def test_a_picture_without_questions_stays():
    part = some().of_images(np.array([1, 2]))
    assert len(part.images) == 2 and part.image.tolist() == [1, 1]


def test_no_picture_is_on_both_sides_of_the_split():
    rest, held = split_by_image(some(), 0.4, np.random.default_rng(0))
    pictures = [set(side.images[:, 0, 0, 0].tolist()) for side in (rest, held)]
    assert len(pictures[0]) == 3 and len(pictures[1]) == 2
    assert pictures[0] | pictures[1] == {0, 1, 2, 3, 4}


def test_a_split_keeps_every_question_with_its_picture():
    sides = split_by_image(some(), 0.4, np.random.default_rng(0))
    for side in sides:
        of = side.images[side.image, 0, 0, 0]
        assert all(text.endswith(f" of {i}") for text, i in zip(side.question, of))
    assert sorted(sides[0].answer + sides[1].answer) == sorted(some().answer)


def test_a_split_comes_from_its_generator_alone():
    first, second, other = (
        split_by_image(some(9, range(9)), 0.4, np.random.default_rng(seed))[1]
        for seed in (0, 0, 1))
    assert first.question == second.question != other.question


def test_a_small_split_leaves_a_picture_on_either_side():
    for fraction in 0.01, 0.99:
        for side in split_by_image(some(), fraction, np.random.default_rng(0)):
            assert len(side.images) >= 1


@pytest.mark.parametrize("platform, variable, end", [
    ("linux", "XDG_CACHE_HOME", ["base", "numnet"]),
    ("win32", "LOCALAPPDATA", ["base", "numnet"]),
    ("linux", "NUMNET_CACHE", ["base"]),
    ("darwin", None, ["Library", "Caches", "numnet"]),
    ("linux", None, [".cache", "numnet"]),
    ("win32", None, ["AppData", "Local", "numnet"]),
])
def test_the_cache_is_where_the_system_keeps_caches(
        platform, variable, end, tmp_path, monkeypatch):
    for name in ("NUMNET_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "base"))
    monkeypatch.setattr("sys.platform", platform)
    assert list(cache_directory().parts[-len(end):]) == end
