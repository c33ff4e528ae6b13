import numpy as np
import pytest

from numnet.data import glyphs


@pytest.fixture(scope="module")
def drawn():
    return glyphs.draw()


@pytest.fixture
def once(drawn, monkeypatch):
    """What is drawn is drawn once for all splits."""
    monkeypatch.setattr(glyphs, "draw", lambda: drawn)


def test_letters_are_named_by_unicode_in_lower_case():
    names = glyphs.letters()
    assert names["é"] == "latin small letter e with acute"
    assert names["Ạ"] == "latin capital letter a with dot below"
    assert "α" not in names and "æ" not in names


def test_every_picture_is_dark_ink_on_white_and_no_two_of_a_face_are_alike(drawn):
    images, names, faces = drawn
    assert images.shape == (len(names), 32, 32, 3) and images.dtype == np.uint8
    assert len(images) == len(faces) > 8000
    assert (images.min(axis=(1, 2, 3)) < 100).all()
    assert (np.median(images, axis=(1, 2, 3)) == 255).all()
    looks = {(face, image.tobytes()) for face, image in zip(faces, images)}
    assert len(looks) == len(images)
    assert len({(face, name) for face, name in zip(faces, names)}) == len(images)


def test_letters_stand_on_one_baseline_and_keep_their_size(drawn):
    images, names, faces = drawn

    def ink(name):
        [k] = [k for k, pair in enumerate(zip(names, faces))
               if pair == (name, "DejaVuSans")]
        rows = np.flatnonzero((images[k] < 128).any(axis=(1, 2)))
        return rows[0], rows[-1]

    top_o, bottom_o = ink("latin small letter x")
    top_O, bottom_O = ink("latin capital letter x")
    assert bottom_o == bottom_O == glyphs.BASELINE - 1
    assert top_O < top_o - 2
    assert ink("latin small letter x with dot above")[0] < top_o - 1


@pytest.mark.parametrize("split", glyphs.SPLITS)
def test_no_picture_is_trained_on_and_tested_on(split, once):
    train, test = glyphs.load(split, seed=3)
    assert len(train) + len(test) > 8000
    assert 0.05 < len(test) / len(train) < 0.15
    seen = {image.tobytes() for image in train.images}
    both = sum(image.tobytes() in seen for image in test.images)
    assert both <= 0.01 * len(test)    # faces may draw a letter the same way


def test_a_new_face_is_in_the_test_alone_and_its_letters_are_not(drawn, once):
    train, test = glyphs.load("glyphs-face")
    images, names, faces = drawn
    new = [image.tobytes() for image, face in zip(images, faces)
           if face == glyphs.NEW_FACE]
    assert [image.tobytes() for image in test.images] == new
    assert set(test.question) <= set(train.question)


def test_new_pairs_are_of_known_letters_and_known_marks(once):
    train, test = glyphs.load("glyphs-pairs")
    names, new = set(train.question), set(test.question)
    assert not names & new
    assert len(new) == pytest.approx(0.1 * len(names | new), rel=0.15)
    words = {word for name in names for word in name.split()}
    assert all(set(name.split()) <= words for name in new)


def test_the_split_follows_from_the_seed(once):
    a, b = glyphs.load("glyphs", 1), glyphs.load("glyphs", 1)
    assert np.array_equal(a[1].images, b[1].images)
    assert not np.array_equal(a[1].images[:20], glyphs.load("glyphs", 2)[1].images[:20])


@pytest.mark.parametrize("call, message", [
    (lambda: glyphs.load("letters"), "load: split must be one of glyphs, glyphs-face"),
    (lambda: glyphs.draw(["Comic"]), "draw: faces must be among DejaVuSans, .* got "
                                     "'Comic'")])
def test_a_split_or_a_face_that_there_is_not_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
