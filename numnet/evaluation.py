"""What a trained network is worth: the measures of each task, on the test examples."""

import numpy as np

from numnet.data import derived
from numnet.data import sort_of_clevr as clevr
from numnet.metrics import (accuracy, confusion_matrix, mean_average_precision,
                            mean_precision_recall_f1, precision_recall_f1, r_squared,
                            recall_at)
from numnet.tasks import PADDING, Answer
from numnet.training import evaluate, evaluating


class Scores(Answer):
    """As Answer, but keep the scores."""

    def read(self, z):
        return z


def measure(config, model, task, test):
    """The measures of a network on examples, as a dict; its confusion matrix, or None.

    The first is the one by which the task is judged.
    """
    if config.data == "sort-of-clevr":
        _, said = evaluate(model, test, task)
        return {"test_accuracy": accuracy(said.ravel(), test.label.ravel()),
                "questions": test.label.size,
                **clevr.accuracies(said, test.label)}, None
    if config.task == "caption":
        loss, said = evaluate(model, test, task)
        words = test.label != PADDING
        return {"test_exact": task.rate(said, test.label), "test_loss": loss,
                "next_word_right": accuracy(said[words], test.label[words]),
                "captions": len(said)}, None
    if config.task == "match":
        return recalls(*embed(model, test), test.text), None
    if config.task == "measure":
        loss, said = evaluate(model, test, task)
        each = {}
        for k, text in enumerate(derived.MEASURES):  # asked in turn, seen or hidden
            rows = slice(k, None, len(derived.MEASURES))
            each[text] = r_squared(said[rows], test.label[rows])
        return {"test_r_squared": r_squared(said, test.label), "test_loss": loss,
                "questions": len(said), **each}, None
    if config.task == "yes-no":
        loss, said = evaluate(model, test, task)
        ranking = {}
    else:
        loss, z = evaluate(model, test, Scores())
        said = z.argmax(axis=1)
        ranking = {"mean_average_precision": mean_average_precision(z, test.label)}
    classes = len(config.answers)
    matrix = confusion_matrix(said, test.label, classes)
    rows = zip(config.answers, *precision_recall_f1(said, test.label, classes),
               matrix.sum(axis=1))
    means = {kind: dict(zip(("precision", "recall", "f1"), mean_precision_recall_f1(
        said, test.label, classes, kind))) for kind in ("macro", "micro", "weighted")}
    return {"test_accuracy": accuracy(said, test.label), "test_loss": loss,
            "questions": len(test.label), **ranking, **means,
            "answers": {answer: {"precision": float(p), "recall": float(r),
                                 "f1": float(f), "questions": int(count)}
                        for answer, p, r, f, count in rows}}, matrix


def embed(model, test):
    """Where a joint embedding puts pictures, u (m, width), and captions, v (k, width).
    """
    every = np.arange(len(test.texts))
    one = [np.flatnonzero(test.text == text)[0] for text in every]   # that has it
    with evaluating(model):
        (_, v), _ = model(**test.batch(np.array(one))[0])
        batches = test.batches(64)
        u = np.concatenate([model(**test.batch(rows)[0])[0][0] for rows in batches])
    return u[np.argsort(np.concatenate(batches))], v


def recalls(u, v, text):
    """How often the nearest caption is a picture's own, and the nearest picture has it.

    u (m, width), v (k, width) as `embed` gives them   text (m): each picture's caption
    """
    z = u @ v.T
    nearest = text[z.argmax(axis=0)]
    return {"recall_at_1_caption_of_picture": recall_at(z, 1, text),
            "recall_at_1_picture_of_caption": accuracy(nearest, np.arange(len(v))),
            "pictures": len(u), "captions": len(v)}
