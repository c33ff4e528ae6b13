import json

import numpy as np
import pytest

from numnet.data import easy_vqa, images, load


def small_package(directory):
    """A package of the same form: 12 training and 3 test pictures of 5 × 4 pixels."""
    from PIL import Image
    for side, m in (("train", 12), ("test", 3)):
        (directory / side / "images").mkdir(parents=True)
        for i in range(m):
            pixels = np.full((5, 4, 3), i + 10 * m, np.uint8)
            Image.fromarray(pixels).save(directory / side / "images" / f"{i}.png")
        asked = [[f"is it {i}?", "yes", i] for i in (0, 0, 2, m - 1)]
        (directory / side / "questions.json").write_text(json.dumps(asked), "utf-8")
    return directory


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMNET_CACHE", str(tmp_path / "cache"))
    data = small_package(tmp_path / "data")
    monkeypatch.setattr(easy_vqa, "find_package", lambda: (data, "2.3"))
    return data


@pytest.fixture
def decoded(monkeypatch):
    """The paths of the pictures that were decoded."""
    paths = []
    monkeypatch.setattr(easy_vqa, "read",
                        lambda path: paths.append(path) or images.read(path))
    return paths


def cache_file(tmp_path):
    return tmp_path / "cache" / "easy-vqa-2.3.npz"


def test_the_real_dataset_has_its_published_size(tmp_path, monkeypatch):
    pytest.importorskip("easy_vqa")
    data, _ = easy_vqa.find_package()
    counts = {"train": (4000, 38575, 28407), "test": (1000, 9673, 7136)}
    for side, (m, n, yes_no) in counts.items():
        image, question, answer = easy_vqa.read_questions(data / side)
        assert len(list((data / side / "images").glob("*.png"))) == m
        assert len(image) == len(question) == n and image.max() == m - 1
        assert sum(word in ("yes", "no") for word in answer) == yes_no


def test_a_real_picture_shows_what_its_answers_say():
    pytest.importorskip("easy_vqa")
    data, _ = easy_vqa.find_package()
    _, question, answer = easy_vqa.read_questions(data / "train")
    assert (question[0], answer[0]) == ("what is the blue shape?", "rectangle")
    picture = images.read(data / "train" / "images" / "0.png")
    assert picture.shape == (64, 64, 3)
    blue = (picture == [0, 0, 255]).all(-1)
    rows, columns = np.flatnonzero(blue.any(1)), np.flatnonzero(blue.any(0))
    assert blue.sum() == len(rows) * len(columns) > 50


def test_pictures_come_in_the_order_of_their_numbers(package):
    train, test = easy_vqa.load()
    assert train.images[:, 0, 0, 0].tolist() == list(range(120, 132))
    assert test.images[:, 0, 0, 0].tolist() == [30, 31, 32]
    assert train.image.tolist() == [0, 0, 2, 11]
    assert train.question[3] == "is it 11?" and train.answer == ["yes"] * 4


def test_the_second_load_reads_the_cache(package, decoded, tmp_path):
    first = load("easy-vqa")
    assert len(decoded) == 15 and cache_file(tmp_path).exists()
    second = load("easy-vqa")
    assert len(decoded) == 15
    for a, b in zip(first, second):
        assert (a.images == b.images).all() and a.images.dtype == b.images.dtype
        assert a.question == b.question


def truncate(path):
    path.write_bytes(path.read_bytes()[:-40])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 255
    path.write_bytes(data)


def change(**values):
    def damage(path):
        with np.load(path) as file:
            arrays = dict(file)
        arrays.update(values)
        np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
    return damage


def pickled(path):
    with np.load(path) as file:
        arrays = dict(file) | {"train": np.array([{}, []], object)}
    np.savez(path, **arrays)


@pytest.mark.parametrize("damage", [
    truncate, flip, pickled, lambda path: path.write_text("no archive"),
    lambda path: path.write_bytes(b""), change(version="2.2"), change(test=None),
    change(train=np.zeros((12, 5, 4, 3), np.uint8)), change(train=np.zeros((2, 3))),
    change(other=np.zeros(3)),
], ids="truncated flipped pickled text empty old missing other float extra".split())
def test_a_damaged_cache_is_made_again(damage, package, decoded, tmp_path):
    easy_vqa.load()
    damage(cache_file(tmp_path))
    train, _ = easy_vqa.load()
    assert len(decoded) == 30 and train.images[7, 0, 0, 0] == 127
    easy_vqa.load()
    assert len(decoded) == 30


def test_a_cache_that_cannot_be_written_is_no_error(package, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("NUMNET_CACHE", str(tmp_path / "file" / "cache"))
    train, test = easy_vqa.load()
    assert len(train.images) == 12 and len(test) == 4


def test_a_missing_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r'pip install "numnet\[vqa\]", or use'):
        load("easy-vqa")


def test_a_gap_among_the_pictures_is_named(package):
    (package / "train" / "images" / "4.png").unlink()
    with pytest.raises(FileNotFoundError, match="without a gap, got 11 pictures"):
        easy_vqa.load()


def test_a_damaged_picture_is_named(package):
    (package / "test" / "images" / "2.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="2.png is not a whole PNG"):
        easy_vqa.load()


def test_missing_questions_are_named(package):
    (package / "train" / "questions.json").unlink()
    with pytest.raises(FileNotFoundError, match="lacks its file .*questions.json"):
        easy_vqa.load()


@pytest.mark.parametrize("text", [
    '[["q", "a", 0]', "[]", '{"q": "a"}', '[["q", "a"]]', '[["q", "a", "x"]]', "3",
    '[["q", "a", 1.5]]', '[["q", 5, 0]]', '[[null, "a", 0]]'])
def test_damaged_questions_are_named(text, package):
    (package / "train" / "questions.json").write_text(text, "utf-8")
    with pytest.raises(ValueError, match="questions.json is not a list of"):
        easy_vqa.load()


def test_a_question_about_a_picture_that_is_not_there_is_refused(package):
    (package / "test" / "questions.json").write_text('[["q", "a", 3]]', "utf-8")
    with pytest.raises(ValueError, match="image must be in 0..2, got 3..3"):
        easy_vqa.load()


def test_the_checksum_sees_shapes_and_sides():
    a, b = np.zeros((2, 3, 4, 3), np.uint8), np.zeros((3, 2, 4, 3), np.uint8)
    assert len({easy_vqa.checksum({"train": x, "test": y})
                for x, y in ((a, b), (b, a), (a, a))}) == 3
