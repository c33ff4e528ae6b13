from collections import Counter

import numpy as np
import pytest

from numnet.data import Questions
from numnet.data.derived import captioned
from numnet.data.examples import Examples, Pairs
from numnet.data.images import prepare
from numnet.data.shapes import generate
from numnet.data.text import UNKNOWN, Tokenizer

QUESTIONS = generate(np.random.default_rng(2), 20)
TOKENIZER = Tokenizer.fit(QUESTIONS.question)
ANSWERS = tuple(sorted(set(QUESTIONS.answer)))
EXAMPLES = Examples.of(QUESTIONS, TOKENIZER, ANSWERS)


def rng(seed=0):
    return np.random.default_rng(seed)


def read_back(inputs, label):
    """The picture, the words and the answer of every example of a batch."""
    texts = [" ".join(TOKENIZER.words[i] for i in row[:length])
             for row, length in zip(inputs["ids"], inputs["lengths"])]
    return [(inputs["images"][i].tobytes(), texts[k], ANSWERS[j])
            for i, k, j in zip(inputs["image"], inputs["question"], label)]


def asked(rows):
    """The same of the questions themselves."""
    images = prepare(QUESTIONS.images)
    return [(images[QUESTIONS.image[n]].tobytes(), QUESTIONS.question[n].strip("?"),
             QUESTIONS.answer[n]) for n in rows]


def test_a_batch_is_its_pictures_with_all_their_questions_and_answers():
    for images in [[3]], [[7, 2, 11]], [range(20)]:
        images = np.array(images[0])
        rows = np.flatnonzero(np.isin(QUESTIONS.image, images))
        assert (EXAMPLES.rows(images) == rows).all() and len(rows) > len(images)
        assert read_back(*EXAMPLES.batch(images)) == asked(rows)


def test_a_batch_has_each_picture_and_each_question_once_and_no_longer_than_needed():
    inputs, label = EXAMPLES.batch([2, 5, 6, 9])
    assert inputs["images"].shape == (4, 3, 32, 32)
    rows = {tuple(row) for row in inputs["ids"]}
    assert len(rows) == len(inputs["ids"]) == len(inputs["lengths"]) < len(label)
    assert set(inputs["question"]) == set(range(len(rows)))
    assert set(inputs["image"]) == {0, 1, 2, 3}
    assert inputs["ids"].shape[1] == inputs["lengths"].max()
    one = Examples.of(Questions(QUESTIONS.images[:2], np.array([0, 1]),
                                ["is a", "is a red shape there"], ["no", "no"]),
                      TOKENIZER, ["no"])
    assert one.batch([0])[0]["ids"].shape == (1, 2)
    assert one.batch([1])[0]["ids"].shape == (1, 5)


@pytest.mark.parametrize("size", [1, 3, 20, 64])
@pytest.mark.parametrize("shuffled", [False, True])
def test_every_example_is_in_exactly_one_batch(size, shuffled):
    batches = EXAMPLES.batches(size, rng() if shuffled else None)
    assert [len(batch) for batch in batches[:-1]] == [size] * (-(-20 // size) - 1)
    rows = np.concatenate([EXAMPLES.rows(batch) for batch in batches])
    assert sorted(rows) == list(range(len(QUESTIONS)))


def test_batches_keep_the_order_or_shuffle_it_by_the_generator():
    assert np.concatenate(EXAMPLES.batches(6)).tolist() == list(range(20))
    a, b, c = (np.concatenate(EXAMPLES.batches(6, rng(seed))) for seed in (0, 0, 1))
    assert (a == b).all() and (a != c).any() and (a != np.arange(20)).any()


def test_a_picture_that_nothing_is_asked_about_is_in_no_batch():
    examples = Examples.of(Questions(QUESTIONS.images[:4], np.array([2, 0, 2]),
                                     ["is a", "is", "a"], ["yes", "no", "no"]),
                           TOKENIZER, ["no", "yes"])
    assert [batch.tolist() for batch in examples.batches(1)] == [[0], [2]]
    assert sorted(np.concatenate(examples.batches(1, rng()))) == [0, 2]
    inputs, label = examples.batch(examples.batches(2)[0])
    assert inputs["image"].tolist() == [1, 0, 1] and label.tolist() == [1, 0, 0]
    assert len(inputs["images"]) == 2


def test_pictures_are_prepared_and_kinds_are_what_the_network_takes():
    assert (EXAMPLES.images == prepare(QUESTIONS.images)).all()
    kinds = {name: getattr(EXAMPLES, name).dtype
             for name in ("images", "ids", "lengths", "image", "question", "label")}
    assert kinds.pop("images") == np.float32
    assert {kind.kind for kind in kinds.values()} == {"i"}


def test_an_answer_that_is_not_among_those_given_is_named():
    known = [answer for answer in ANSWERS if answer not in ("yes", "no")]
    with pytest.raises(ValueError, match=r"the answers \['no', 'yes'\] are not among"):
        Examples.of(QUESTIONS, TOKENIZER, known)


# ---- hiding -------------------------------------------------------------------------

def test_a_hidden_picture_is_blank():
    hidden = EXAMPLES.without("image", rng())
    assert not hidden.images.any() and hidden.images.shape == EXAMPLES.images.shape
    inputs, label = hidden.batch([4, 1])
    shown, same = EXAMPLES.batch([4, 1])
    assert all((inputs[k] == shown[k]).all() for k in shown if k != "images")
    assert (label == same).all()


def test_a_hidden_question_is_one_unknown_word():
    inputs, label = EXAMPLES.without("question", rng()).batch([4, 1])
    shown, same = EXAMPLES.batch([4, 1])
    assert inputs["ids"].tolist() == [[UNKNOWN]] and inputs["lengths"].tolist() == [1]
    assert (inputs["images"] == shown["images"]).all() and (label == same).all()
    assert inputs["question"].tolist() == [0] * len(label)


def test_a_broken_pairing_deals_the_same_questions_out_anew():
    a, b, c = (EXAMPLES.without("pairing", rng(seed)).question for seed in (0, 0, 1))
    assert (a == b).all() and (a != c).any()
    assert (np.sort(a) == np.sort(EXAMPLES.question)).all()
    assert (a != EXAMPLES.question).mean() > 0.8


def test_hiding_leaves_the_examples_themselves_alone():
    before = EXAMPLES.question.copy()
    for what in "image", "question", "pairing":
        EXAMPLES.without(what, rng())
    assert EXAMPLES.images.any() and (EXAMPLES.question == before).all()
    with pytest.raises(ValueError, match="must be image, question or pairing, got"):
        EXAMPLES.without("answer", rng())


# ---- pairs --------------------------------------------------------------------------

CAPTIONS = captioned(generate(np.random.default_rng(4), 60))
WORDS = Tokenizer.fit(CAPTIONS.question)
PAIRS = Pairs(prepare(CAPTIONS.images), CAPTIONS.question, WORDS)
COUNTS = Counter(CAPTIONS.question)


@pytest.mark.parametrize("size", [8, 24])
@pytest.mark.parametrize("shuffled", [False, True])
def test_no_caption_comes_twice_in_a_batch_and_each_pair_once_an_epoch(shuffled, size):
    batches = PAIRS.batches(size, rng() if shuffled else None)
    for batch in batches:
        texts = [CAPTIONS.question[k] for k in batch]
        assert len(set(texts)) == len(texts) > 0
    assert sorted(np.concatenate(batches)) == list(range(len(CAPTIONS)))
    rounds = Counter(COUNTS.values())                # how many captions come so often
    here = [sum(n for often, n in rounds.items() if often > k)
            for k in range(max(rounds))]
    assert [len(batch) for batch in batches] == [
        min(size, n - k) for n in here for k in range(0, n, size)]
    assert here[0] == len(COUNTS) > 2 * 8 and len(here) > 2


def test_what_belongs_together_stands_in_the_same_place():
    for batch in PAIRS.batches(8, rng(1)):
        inputs, label = PAIRS.batch(batch)
        assert WORDS.decode(inputs["ids"]) == [CAPTIONS.question[k] for k in batch]
        assert inputs["lengths"].tolist() == [3] * len(batch)
        assert (inputs["images"] == prepare(CAPTIONS.images)[batch]).all()
        assert label.tolist() == [1] * len(batch)


def test_the_labels_of_all_pairs_stand_where_their_pictures_do():
    assert len(PAIRS.label) == len(PAIRS.images)
    for batch in PAIRS.batches(8):
        assert (PAIRS.rows(batch) == batch).all()
        assert (PAIRS.label[PAIRS.rows(batch)] == PAIRS.batch(batch)[1]).all()


def test_pairs_are_shuffled_by_the_generator():
    a, b, c = (np.concatenate(PAIRS.batches(8, rng(seed))) for seed in (0, 0, 1))
    assert (a == b).all() and (a != c).any()
    assert [len(batch) for batch in PAIRS.batches(8, rng(0))] == [
        len(batch) for batch in PAIRS.batches(8)]
