"""From texts to rows of word numbers, and back."""

import unicodedata
from collections import Counter
from collections.abc import Iterable

import numpy as np

from numnet.shapes import expect_ids, whole

PADDING, UNKNOWN = 0, 1
RESERVED = ["<pad>", "<unk>"]


def split(text):
    """Return the words and numbers of a text in lower case, without punctuation.

    Letters, digits and the marks on them make words, everything else parts them
    ("isn't" is "isn" and "t"). Accents are composed (Unicode NFC), so that both ways
    of writing é are one word. Raises TypeError for anything but a string.
    """
    if not isinstance(text, str):
        raise TypeError(f"split: text must be a string, got {type(text).__name__}")
    text = unicodedata.normalize("NFC", text.lower())
    return "".join(letter if unicodedata.category(letter)[0] in "LMN" else " "
                   for letter in text).split()


class Tokenizer:
    """A vocabulary: every word has a number, 0 is padding and 1 an unknown word.

    words: distinct, each as split() gives it, numbered from 2 in the order given.
    `self.words[id]` is the word of an id, "<pad>" and "<unk>" first; so
    Tokenizer(tokenizer.words[2:]) is the same vocabulary again. Raises ValueError
    for a word that stands twice or that split() would never give, TypeError for
    anything but strings.
    """

    def __init__(self, words):
        if (isinstance(words, str) or not isinstance(words, Iterable)
                or not all(isinstance(word, str) for word in words)):
            raise TypeError(f"Tokenizer: words must be strings, got {words!r}")
        self.words = RESERVED + list(words)
        self.ids = {word: i for i, word in enumerate(self.words)}
        for i, word in enumerate(self.words[2:], start=2):
            if split(word) != [word]:
                raise ValueError("Tokenizer: words must be single words in lower case, "
                                 f"got {word!r}")
            if self.ids[word] != i:
                raise ValueError(f"Tokenizer: words must be distinct, got {word!r} "
                                 "twice")

    @classmethod
    def fit(cls, texts, min_count=1):
        """Number the words of texts that occur min_count times, the commonest first.

        Words equally common come in alphabetical order. Raises ValueError when no word
        is left, TypeError for anything but a list of strings.
        """
        min_count = whole("fit", "min_count", min_count, 1)
        counts = Counter(word for text in _expect_texts("fit", texts)
                         for word in split(text))
        words = sorted((word for word in counts if counts[word] >= min_count),
                       key=lambda word: (-counts[word], word))
        if not words:
            raise ValueError(f"fit: texts must have a word that occurs {min_count} "
                             f"times, got {len(counts)} rarer ones")
        return cls(words)

    def __len__(self):
        return len(self.words)

    def encode(self, texts, length=None, side="right", keep="first"):
        """Write n texts as rows of t word numbers, filled up with padding.

        texts (n)   →   ids (n, t) int64, lengths (n,) int64, the words kept of each. t
        is `length`, or else the longest text. Padding stands on the given side of the
        words, "right" or "left"; of a text longer than t, the "first" or the "last" t
        words are kept. Raises ValueError for a text without words, no texts,
        a length below 1 or another side; TypeError for anything but strings.
        """
        if side not in ("right", "left"):
            raise ValueError(f"encode: side must be right or left, got {side!r}")
        if keep not in ("first", "last"):
            raise ValueError(f"encode: keep must be first or last, got {keep!r}")
        rows = [[self.ids.get(word, UNKNOWN) for word in split(text)]
                for text in _expect_texts("encode", texts)]
        for i, row in enumerate(rows):
            if not row:
                raise ValueError(f"encode: text {i} has no words, got {texts[i]!r}")
        t = max(map(len, rows)) if length is None else whole("encode", "length", length,
                                                             1)
        ids = np.full((len(rows), t), PADDING, np.int64)
        for line, row in zip(ids, rows):
            row = row[:t] if keep == "first" else row[-t:]
            line[slice(len(row)) if side == "right" else slice(t - len(row), t)] = row
        lengths = np.array([min(len(row), t) for row in rows], np.int64)
        return ids, lengths

    def decode(self, ids):
        """Write rows of word numbers as texts, without the padding.

        ids (n, t) integers   →   a list of n strings; an unknown word reads "<unk>".
        Raises ValueError for an id that is not in the vocabulary, or another rank.
        """
        expect_ids("decode", "ids", ids, None, len(self))
        if ids.ndim != 2:
            raise ValueError(f"decode: ids must have axes (n, t), got {ids.shape}")
        return [" ".join(self.words[i] for i in row if i != PADDING) for row in ids]

    def unknown(self, text):
        """Return the words of a text that are not in the vocabulary, in its order."""
        return [word for word in split(text) if word not in self.ids]


def _expect_texts(function, texts):
    if not isinstance(texts, (list, tuple, np.ndarray)):
        raise TypeError(f"{function}: texts must be a list of strings, got "
                        f"{'one string' if isinstance(texts, str) else repr(texts)}")
    if len(texts) == 0:
        raise ValueError(f"{function}: texts must not be empty")
    return texts
