from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from test_runs import TEST, few_scenes, load_tiny

from numnet import data, recipes
from numnet.data import derived
from numnet.data import sort_of_clevr as clevr
from numnet.data.examples import Pairs
from numnet.data.text import Tokenizer
from numnet.evaluation import measure
from numnet.module import Module, Sequential
from numnet.normalization import Dropout
from numnet.recipes import configure
from numnet.training import evaluate


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setattr(data, "load", load_tiny)
    few_scenes(monkeypatch)


def untrained(**chosen):
    """An untrained network of a run, with what it is measured on."""
    config = recipes.complete(configure(**{"data": "shapes", **chosen}))
    model, task = recipes.build(config)
    return config, model, task, recipes.examples(config)[2]


def all_scores(model, test):
    """The scores of all examples, in one batch."""
    inputs, label = test.batch(np.arange(len(test.images)))
    assert (label == test.label).all()
    return model(**inputs)[0]


def share(above, below):
    return above / below if below else 0.0


def counted(said, true, classes):
    """Precision, recall, F1 and the number of each class, counted one by one."""
    rows = []
    for k in range(classes):
        right = sum(p == k and t == k for p, t in zip(said, true))
        given, there = list(said).count(k), list(true).count(k)
        rows.append((share(right, given), share(right, there),
                     share(2 * right, given + there), there))
    return np.array(rows)


def plain_average_precision(score, relevant):
    """The mean, over the relevant ones, of the precision at their own score."""
    found = [(relevant[score >= s]).mean() for s in score[relevant]]
    return float(np.mean(found)) if found else 0.0


# ---- answers ------------------------------------------------------------------------

@pytest.mark.parametrize("chosen", [
    {}, {"seed": 1}, {"task": "yes-no", "text": "lstm"},
    {"task": "yes-no", "fusion": "attention"}])
def test_the_measures_are_those_counted_one_by_one(chosen):
    config, model, task, test = untrained(**chosen)
    metrics, matrix = measure(config, model, task, test)
    z = all_scores(model, test)
    said = (z[:, 0] > 0).astype(int) if z.shape[1] == 1 else z.argmax(axis=1)
    assert len(set(said)) > 1
    assert metrics["test_accuracy"] == np.mean(said == test.label)
    assert metrics["questions"] == len(said) == matrix.sum()
    loss, _ = task.loss(z, test.label)
    assert metrics["test_loss"] == pytest.approx(float(loss), rel=1e-6)
    rows = counted(said, test.label, len(config.answers))
    assert list(metrics["answers"]) == list(config.answers)
    for row, found in zip(rows, metrics["answers"].values(), strict=True):
        assert list(found.values()) == pytest.approx(row)
    names = ["precision", "recall", "f1"]
    for kind, mean in (("macro", rows[:, :3].mean(axis=0)), ("weighted", np.average(
            rows[:, :3], axis=0, weights=rows[:, 3]))):
        assert list(metrics[kind]) == names
        assert list(metrics[kind].values()) == pytest.approx(mean)
    pairs = Counter(zip(test.label.tolist(), said.tolist()))
    assert {pair: count for pair, count in np.ndenumerate(matrix) if count} == pairs


@pytest.mark.parametrize("task", ["answer", "yes-no"])
def test_the_micro_average_is_the_accuracy(task):
    metrics, _ = measure(*untrained(task=task))
    assert set(metrics["micro"].values()) == {metrics["test_accuracy"]}


def test_the_mean_average_precision_is_that_of_each_answers_scores():
    config, model, task, test = untrained()
    z = all_scores(model, test)
    each = [plain_average_precision(z[:, k], test.label == k) for k in range(13)]
    metrics, _ = measure(config, model, task, test)
    assert metrics["mean_average_precision"] == pytest.approx(np.mean(each))
    assert 0 < metrics["mean_average_precision"] < 1
    assert "mean_average_precision" not in measure(*untrained(task="yes-no"))[0]


# ---- measures -----------------------------------------------------------------------

@pytest.mark.parametrize("inputs", recipes.INPUTS)
def test_each_measure_has_its_own_r_squared_even_where_the_question_is_hidden(inputs):
    config, model, task, test = untrained(task="measure", inputs=inputs)
    metrics, matrix = measure(config, model, task, test)
    said = all_scores(model, test)[:, 0].astype(np.float64)
    asked = np.array(derived.measuring(TEST).question)
    true = np.array([float(answer) for answer in derived.measuring(TEST).answer])

    def plain(rows):
        wrong = sum((s - t) ** 2 for s, t in zip(said[rows], true[rows]))
        return 1 - wrong / sum((t - true[rows].mean()) ** 2 for t in true[rows])

    assert metrics["test_r_squared"] == pytest.approx(plain(np.arange(24)))
    assert [metrics[text] for text in derived.MEASURES] == pytest.approx(
        [plain(asked == text) for text in derived.MEASURES])
    assert metrics["test_loss"] == pytest.approx(np.mean((said - true) ** 2), rel=1e-5)
    assert matrix is None and metrics["questions"] == 24


# ---- matching -----------------------------------------------------------------------

class Known(Module):
    """A model that knows a vector of each picture and of each text by heart."""

    def __init__(self, u, v):
        self.u, self.v = np.array(u, np.float32), np.array(v, np.float32)

    def __call__(self, *, images, ids, lengths):
        return (self.u[images[:, 0, 0, 0].astype(int)], self.v[ids[:, 0] - 2]), None


def known(u, v, texts):
    """What is measured of pictures 0, 1, … with these texts, "x" first, then "y"."""
    images = np.zeros((len(u), 3, 2, 2), np.float32)
    images += np.arange(len(u), dtype=np.float32)[:, None, None, None]
    pairs = Pairs(images, texts, Tokenizer(sorted(set(texts))))
    return measure(SimpleNamespace(data="shapes", task="match"), Known(u, v), None,
                   pairs)[0]


def test_both_directions_are_counted_each_over_its_own():
    u, v = [[3, 0], [1, 2], [2, 1], [0, 1]], [[1, 0], [0, 1]]
    assert known(u, v, ["x", "x", "y", "y"]) == {   # pictures 1 and 2 are misread
        "recall_at_1_caption_of_picture": 0.5, "recall_at_1_picture_of_caption": 0.5,
        "pictures": 4, "captions": 2}               # y is nearest to picture 1, an x
    metrics = known([[3, 0], [1, 2], [0, 1], [0, 3]], v, ["x", "x", "y", "y"])
    assert metrics["recall_at_1_caption_of_picture"] == 0.75
    assert metrics["recall_at_1_picture_of_caption"] == 1
    metrics = known([[3, 2.9], [0.5, 0], [0, 1], [0.1, 1]], v, ["x", "x", "y", "y"])
    assert metrics["recall_at_1_caption_of_picture"] == 1    # but y's nearest is an x
    assert metrics["recall_at_1_picture_of_caption"] == 0.5


def test_captions_that_look_alike_are_not_told_apart():
    metrics = known([[1, 0], [1, 0]], [[1, 0], [1, 0]], ["x", "y"])
    assert metrics["recall_at_1_caption_of_picture"] == 0


def test_retrieval_is_what_each_picture_and_each_caption_finds_alone():
    config, model, task, test = untrained(task="match")
    captions = sorted(set(test.texts))
    tokenizer = Tokenizer(config.words)

    def alike(picture, caption):
        ids, lengths = tokenizer.encode([caption])
        (u, v), _ = model(images=picture[None], ids=ids, lengths=lengths)
        return float((u @ v.T)[0, 0])

    z = np.array([[alike(picture, text) for text in captions]
                  for picture in test.images])
    right = [test.texts[k] for k in test.text]
    found = [captions[k] == text for k, text in zip(z.argmax(axis=1), right)]
    back = [right[k] == text for k, text in zip(z.argmax(axis=0), captions)]
    metrics, matrix = measure(config, model, task, test)
    assert metrics["recall_at_1_caption_of_picture"] == np.mean(found)
    assert metrics["recall_at_1_picture_of_caption"] == np.mean(back)
    assert metrics["captions"] == len(captions) < metrics["pictures"] == len(right)
    assert matrix is None


# ---- several questions about a picture ----------------------------------------------

@pytest.mark.parametrize("fusion", ["attention", "concatenation"])
def test_the_kinds_of_questions_about_scenes_make_up_the_accuracy(fusion):
    config, model, task, test = untrained(data="sort-of-clevr", fusion=fusion)
    metrics, matrix = measure(config, model, task, test)
    said = all_scores(model, test).argmax(axis=-1)
    right = said == test.label
    assert metrics["test_accuracy"] == right.mean() and matrix is None
    kinds = list(clevr.NON_RELATIONAL | clevr.RELATIONAL)
    assert [metrics[kind] for kind in kinds] == [
        right[:, 6 * k:6 * k + 6].mean() for k in range(6)]
    assert np.mean([metrics["relational"], metrics["non-relational"]]) \
        == pytest.approx(metrics["test_accuracy"])


# ---- all of them --------------------------------------------------------------------

KINDS = [{}, {"task": "yes-no"}, {"task": "measure"}, {"task": "match"},
         {"data": "sort-of-clevr"}, {"model": "article"}]


@pytest.mark.parametrize("chosen, first", [*zip(KINDS, [
    "test_accuracy", "test_accuracy", "test_r_squared",
    "recall_at_1_caption_of_picture", "test_accuracy", "test_accuracy"])])
def test_the_first_measure_is_the_one_that_a_task_is_judged_by(chosen, first):
    metrics, matrix = measure(*untrained(**chosen))
    assert next(iter(metrics)) == first and type(metrics[first]) is float
    assert (matrix is not None) == ("answers" in metrics)


def with_dropout(model):
    """The same network, doubting what it has seen."""
    for name in "image_encoder", "image":
        if hasattr(model, name):
            setattr(model, name, Sequential(getattr(model, name), Dropout(
                0.5, np.random.default_rng(0))))
    return model


@pytest.mark.parametrize("chosen", KINDS)
def test_dropout_is_off_while_a_network_is_measured_and_then_on_again(chosen):
    config, model, task, test = untrained(**chosen)
    plain, _ = measure(config, model, task, test)
    loss, said = evaluate(model, test, task)
    doubting = with_dropout(model)
    assert measure(config, doubting, task, test)[0] == plain
    again = evaluate(doubting, test, task)
    assert again[0] == loss and (again[1] == said).all()
    layers = [item for _, item in doubting._walk() if isinstance(item, Module)]
    assert doubting.training and all(layer.training for layer in layers)
    inputs, _ = test.batch(test.batches(2)[0])
    first, second = (doubting(**inputs)[0] for _ in range(2))
    assert not np.array_equal(first[0], second[0])           # it is in use again
