"""Captions: teacher forcing, padding, and the search for the likeliest text."""

import itertools

import numpy as np
import pytest

from numnet import Adam
from numnet.captions import beam_search, captioner
from numnet.data.captions import MOVES, Captions, moved
from numnet.data.text import Tokenizer
from numnet.tasks import Caption
from numnet.training import evaluate, train_step

TEXTS = ["a red circle", "a triangle", "a teal thing with a hole", "a circle"]
TOKENIZER = Tokenizer.fit(TEXTS)
MARK = len(TOKENIZER)


def small(rng, words=MARK + 1):
    """A captioner for 8 × 8 pixels whose weights are large enough to choose."""
    model = captioner(words, rng, channels=(3, 5), size=8)
    for p in model.parameters():
        p.value = (3 * rng.normal(size=p.value.shape) / np.sqrt(len(p.value))).astype(
            np.float32)
    return model


def pictures(rng, n):
    return rng.random((n, 3, 8, 8), dtype=np.float32)


def test_a_label_is_the_word_after_and_the_last_word_is_followed_by_the_mark():
    rng = np.random.default_rng(0)
    captions = Captions(pictures(rng, 4), TEXTS, TOKENIZER)
    a, circle = TOKENIZER.ids["a"], TOKENIZER.ids["circle"]
    assert captions.ids[3].tolist() == [MARK, a, circle, 0, 0, 0, 0]
    assert captions.label[3].tolist() == [a, circle, MARK, 0, 0, 0, 0]


def test_no_word_is_scored_from_the_words_that_follow():
    rng = np.random.default_rng(1)
    model, images = small(rng), pictures(rng, 2)
    ids = rng.integers(0, MARK + 1, (2, 5))
    other = ids.copy()
    other[:, 3:] = (ids[:, 3:] + 1) % (MARK + 1)
    z, _ = model(images=images, ids=ids)
    z_other, _ = model(images=images, ids=other)
    assert np.array_equal(z[:, :3], z_other[:, :3])
    assert not np.isclose(z[:, 3:], z_other[:, 3:]).all(axis=2).any()


def test_padding_counts_neither_in_the_loss_nor_in_the_gradient():
    rng = np.random.default_rng(2)
    model, task = small(rng), Caption()
    inputs, label = Captions(pictures(rng, 4), TEXTS, TOKENIZER).batch(np.array([1, 3]))
    assert (label[:, 3:] == 0).all() and (label[:, :3] != 0).all()
    z, _ = model(**inputs)
    loss, loss_backward = task.loss(z, label)
    short, _ = task.loss(z[:, :3], label[:, :3])
    assert np.isclose(loss, short, rtol=1e-6)
    assert not loss_backward()[:, 3:].any()


def test_right_after_the_right_words_is_right_when_written():
    """While a network learns four texts, it writes those that it gets all right."""
    rng = np.random.default_rng(3)
    model, task = captioner(MARK + 1, rng, channels=(3, 5), size=8), Caption()
    optimizer, counts = Adam(model.parameters(), lr=0.01), []
    captions = Captions(pictures(rng, 4), TEXTS, TOKENIZER)
    inputs, label = captions.batch(np.arange(4))
    for _ in range(40):
        train_step(model, optimizer, inputs, label, task=task)
        _, said = evaluate(model, captions, task)
        right = ((said == label) | (label == 0)).all(axis=1)
        written = [beam_search(model, image, mark=MARK, longest=7)[0][0]
                   for image in captions.images]
        assert right.tolist() == [
            words.tolist() == [w for w in row if w not in (0, MARK)]
            for words, row in zip(written, label)]
        assert task.rate(said, label) == right.mean()
        counts.append(right.sum())
    assert {0, 4} < set(counts)


def test_a_beam_as_wide_as_all_texts_finds_the_likeliest_of_all():
    rng = np.random.default_rng(4)
    words, mark, longest = 4, 3, 3
    model, image = small(rng, words), pictures(rng, 1)[0]

    def likelihood(text):
        ids = np.array([[mark, *text[:-1]]])
        z = model(images=image[None], ids=ids)[0][0].astype(float)
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        return log_p[np.arange(len(text)), text].sum()

    every = [text for t in range(1, longest + 1)
             for text in itertools.product(range(words), repeat=t)
             if mark not in text[:-1] and (text[-1] == mark or t == longest)]
    best = sorted(every, key=likelihood, reverse=True)[:5]
    found = beam_search(model, image, mark=mark, longest=longest, width=4 ** 3)
    for (said, score), text in zip(found[:5], best, strict=True):
        assert said.tolist() == [w for w in text if w != mark]
        assert np.isclose(score, likelihood(text), rtol=1e-5)


class Model:
    """After some texts the next word's probabilities are those of a table."""

    def __init__(self, table):
        self.table, self.reads = table, 0

    def see(self, images):
        return images.reshape(1, 1, -1), None

    def read(self, ids, memory):
        self.reads += 1
        p = [self.table.get(tuple(row), [0.1, 0.1, 0.8]) for row in ids.tolist()]
        with np.errstate(divide="ignore"):
            return np.log(np.array(p))[:, None], None

    def likeliest(self, width):
        """Pairs of a text and its probability."""
        found = beam_search(self, np.zeros((1, 1, 1)), mark=2, longest=9, width=width)
        return [(words.tolist(), pytest.approx(np.exp(S))) for words, S in found]


def test_a_wider_beam_finds_what_greedy_writing_misses():
    """The likeliest first word need not begin the likeliest text."""
    model = Model({(2,): [0.6, 0.4, 0], (2, 0): [0.5, 0.4, 0.1], (2, 1): [0, 0, 1]})
    assert model.likeliest(1) == [([0, 0], 0.6 * 0.5 * 0.8)]
    assert model.likeliest(2)[0] == ([1], 0.4)


def test_a_search_is_over_when_no_open_text_can_overtake_the_best_that_have_ended():
    """After two words 0.36, 0.3 and 0.09 have ended, and 0.18 is open."""
    model = Model({(2,): [0.6, 0.1, 0.3],
                   (2, 0): [0.3, 0.1, 0.6], (2, 1): [0.1, 0, 0.9]})
    assert model.likeliest(3) == [([0], 0.36), ([], 0.3), ([0, 0], 0.18 * 0.8)]
    assert model.reads == 3


@pytest.mark.parametrize("channels, size, places", [((3,), 4, 4), ((3, 4, 5), 24, 9)])
def test_a_captioner_sees_the_cells_that_are_left_of_a_picture_of_its_size(
        channels, size, places):
    rng = np.random.default_rng(9)
    model = captioner(7, rng, channels=channels, size=size)
    memory, _ = model.see(rng.random((2, 3, size, size), dtype=np.float32))
    assert memory.shape == (2, places, channels[-1])
    assert model.places.w.value.shape == (places, channels[-1])
    z, _ = model.read(np.array([[6, 1, 2], [6, 3, 4]]), memory)
    assert z.shape == (2, 3, 7)


def test_a_captioner_is_as_large_as_it_says_unless_asked_otherwise():
    model = captioner(30, np.random.default_rng(0))
    shapes = {name: p.value.shape for name, p in model.named_parameters().items()}
    assert [shape for name, shape in shapes.items() if len(shape) == 4] == [
        (32, 3, 3, 3), (64, 32, 3, 3), (128, 64, 3, 3)]
    assert shapes["places.w"] == (4 * 4, 128) and shapes["positions.w"] == (16, 64)
    assert [shape for name, shape in shapes.items() if 128 in shape and name.startswith(
        "blocks.") and "feedforward" in name] == [(64, 128), (128,), (128, 64)] * 2


def test_a_picture_moves_by_whole_pixels_and_its_border_goes_on():
    rng = np.random.default_rng(6)
    x = rng.random((2, 3, 4, 5))
    y = moved(x, np.array([(1, 0), (0, -1)]))
    assert np.array_equal(y[0, :, 1:], x[0, :, :-1])
    assert np.array_equal(y[0, :, 0], x[0, :, 0])
    assert np.array_equal(y[1, :, :, :-1], x[1, :, :, 1:])
    assert np.array_equal(y[1, :, :, -1], x[1, :, :, -1])


def test_an_epoch_shows_each_picture_once_and_most_of_them_moved():
    rng = np.random.default_rng(7)
    images = pictures(rng, 200)
    captions = Captions(images, ["a circle"] * 200, TOKENIZER)
    for batches, share in ((captions.batches(32), 0),
                           (captions.batches(32, rng), 1 - 1 / len(MOVES))):
        every = np.concatenate(batches)
        assert [len(batch) for batch in batches] == [32] * 6 + [8]
        assert np.array_equal(np.sort(captions.rows(every)), np.arange(200))
        seen = captions.batch(every)[0]["images"]
        moved_away = (seen != images[captions.rows(every)]).any(axis=(1, 2, 3)).mean()
        assert abs(moved_away - share) < 0.1


def test_a_caption_too_long_to_write_is_refused():
    rng = np.random.default_rng(8)
    with pytest.raises(ValueError, match="Captions: texts must have at most 15 words, "
                                         "got one of 16"):
        Captions(pictures(rng, 1), ["a " * 16], TOKENIZER)
