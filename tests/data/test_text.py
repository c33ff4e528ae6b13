import unicodedata

import numpy as np
import pytest

from numnet.data.text import Tokenizer, split

TEXTS = ["Is there a red circle?", "a red, red square!", "no square"]


@pytest.mark.parametrize("text, words", [
    ("What COLOR is it?", ["what", "color", "is", "it"]),
    ("  two\tand 3.5\n", ["two", "and", "3", "5"]),
    ("isn't", ["isn", "t"]),
    ("snake_case-word", ["snake", "case", "word"]),
    ("?!… —", []),
    ("", []),
    ("<pad> <unk>", ["pad", "unk"]),
    ("ΣΊΣΥΦΟΣ наука 図", ["σίσυφος", "наука", "図"]),
    ("हिन्दी", ["हिन्दी"]),
    ("x" * 10_000, ["x" * 10_000]),
])
def test_words_are_letters_and_digits_in_lower_case(text, words):
    assert split(text) == words


def test_both_ways_of_writing_an_accent_are_one_word():
    composed, apart = (unicodedata.normalize(form, "CAFÉ") for form in ("NFC", "NFD"))
    assert composed != apart and split(composed) == split(apart) == ["café"]


def test_the_vocabulary_comes_sorted_by_count_then_word():
    assert Tokenizer.fit(TEXTS).words == [
        "<pad>", "<unk>", "red", "a", "square", "circle", "is", "no", "there"]


def test_the_vocabulary_does_not_depend_on_the_order_of_texts():
    assert Tokenizer.fit(TEXTS[::-1]).words == Tokenizer.fit(TEXTS).words


def test_rare_words_can_be_left_out():
    assert Tokenizer.fit(TEXTS, min_count=2).words[2:] == ["red", "a", "square"]
    with pytest.raises(ValueError, match="occurs 4 times, got 7 rarer"):
        Tokenizer.fit(TEXTS, min_count=4)


def test_a_vocabulary_is_made_again_from_its_words():
    first = Tokenizer.fit(TEXTS)
    second = Tokenizer(first.words[2:])
    assert second.words == first.words and len(second) == 9


TOKENIZER = Tokenizer(["a", "b", "c", "d"])


def test_padding_follows_the_text():
    ids, lengths = TOKENIZER.encode(["a b c", "d", "c b"])
    assert ids.tolist() == [[2, 3, 4], [5, 0, 0], [4, 3, 0]]
    assert lengths.tolist() == [3, 1, 2]
    assert ids.dtype == lengths.dtype == np.int64


def test_padding_can_come_before_the_text():
    ids, lengths = TOKENIZER.encode(["a b c", "d", "c b"], length=4, side="left")
    assert ids.tolist() == [[0, 2, 3, 4], [0, 0, 0, 5], [0, 0, 4, 3]]
    assert lengths.tolist() == [3, 1, 2]


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("keep, row", [("first", [2, 3]), ("last", [4, 5])])
def test_a_long_text_keeps_its_first_or_its_last_words(side, keep, row):
    ids, lengths = TOKENIZER.encode(["a b c d", "c"], length=2, side=side, keep=keep)
    assert ids[0].tolist() == row and lengths.tolist() == [2, 1]


def test_an_unknown_word_is_1_and_reserved_tokens_in_a_text_are_unknown_words():
    assert TOKENIZER.encode(["a z", "<pad> <unk> b"])[0].tolist() == [
        [2, 1, 0], [1, 1, 3]]
    assert TOKENIZER.unknown("z a Q, z") == ["z", "q", "z"]
    assert TOKENIZER.unknown("D a") == []


def test_decoding_undoes_encoding():
    texts = ["a b c", "d", "c b"]
    for side in "right", "left":
        assert TOKENIZER.decode(TOKENIZER.encode(texts, side=side)[0]) == texts
    assert TOKENIZER.decode(np.array([[2, 1], [0, 0]])) == ["a <unk>", ""]
