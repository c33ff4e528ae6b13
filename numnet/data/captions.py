"""Pictures and their captions as the numbers a captioner reads and is to write."""

import numpy as np

from numnet.data.text import PADDING

LONGEST = 15                           # words of a caption
MOVES = np.array([(0, 0), *((down, right) for down in (-1, 0, 1)
                            for right in (-1, 0, 1) if (down, right) != (0, 0))])


class Captions:
    """n pictures, each with one caption.

    images (n, c, h, w) float32   texts (n)   →   ids (n, t + 1): the mark and the words
    label (n, t + 1): the words and the mark, so that label[:, s] comes after ids[:, s].
    Both are filled up with padding. The mark is the number after the tokenizer's last.
    Raises ValueError for a text of more than 15 words.
    """

    def __init__(self, images, texts, tokenizer):
        words, lengths = tokenizer.encode(texts)
        n, t = words.shape
        if t > LONGEST:
            raise ValueError(f"Captions: texts must have at most {LONGEST} words, "
                             f"got one of {t}")
        mark = len(tokenizer)
        self.images = images
        self.ids = np.insert(words, 0, mark, axis=1)
        self.label = np.insert(words, t, PADDING, axis=1)
        self.label[np.arange(n), lengths] = mark

    def batches(self, size, rng=None):
        """Groups of `size` pictures (arrays of numbers), shuffled if rng is given.

        Then each picture is also moved by one pixel, or not, as rng draws: k n + i is
        picture i moved by MOVES[k]. A thing keeps its name wherever it stands.
        """
        n = len(self.images)
        order = np.arange(n)
        if rng is not None:
            order = rng.permutation(n) + n * rng.integers(len(MOVES), size=n)
        return [order[k:k + size] for k in range(0, n, size)]

    def rows(self, batch):
        """Where these pictures stand in `label`."""
        return batch % len(self.images)

    def batch(self, batch):
        """What the model is called with, and the labels, for these pictures."""
        rows, moves = self.rows(batch), MOVES[batch // len(self.images)]
        return {"images": moved(self.images[rows], moves), "ids": self.ids[rows]}, \
            self.label[rows]


def moved(images, moves):
    """Move each picture by whole pixels, its border going on.

    images (n, c, h, w)   moves (n, 2), pixels down and right   →   (n, c, h, w)
    """
    n, _, h, w = images.shape
    rows = np.clip(np.arange(h) - moves[:, :1], 0, h - 1)          # (n, h)
    columns = np.clip(np.arange(w) - moves[:, 1:], 0, w - 1)       # (n, w)
    each = np.arange(n)[:, None, None]
    return images[each, :, rows[:, :, None], columns[:, None]].transpose(0, 3, 1, 2)
