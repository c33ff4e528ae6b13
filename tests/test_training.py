import sys
from dataclasses import replace

import numpy as np
import pytest

from numnet import training
from numnet.data.examples import Examples, Pairs
from numnet.data.text import Tokenizer
from numnet.models import fusion_classifier, joint_embedding
from numnet.module import Module, Parameter
from numnet.normalization import Dropout
from numnet.optim import SGD, Adam, cosine
from numnet.tasks import Binary, Match, Measure
from numnet.training import (Progress, TrainingStopped, evaluate, fit, stream,
                             train_step)


def examples(seed=0, m=5, n=14):
    """Small ones: pictures of 4 × 4 pixels, questions of up to three words."""
    rng = np.random.default_rng(seed)
    return Examples(rng.normal(size=(m, 3, 4, 4)).astype(np.float32),
                    rng.integers(2, 6, (4, 3)), np.array([3, 1, 2, 3]),
                    np.arange(n) % m, rng.integers(4, size=n), rng.integers(3, size=n))


TRAIN, VALIDATION = examples(), examples(1, 3, 7)


def small():
    return fusion_classifier(6, 3, np.random.default_rng(0), channels=(2, 3),
                             features=4, embedding_dim=3, hidden_size=5, head=6)


def sgd(model, lr=0.1):
    return SGD(model.parameters(), lr, momentum=0.9, weight_decay=0.01)


def learn(model, optimizer, epochs=3, **options):
    return fit(model, optimizer, TRAIN, VALIDATION, **{
        "epochs": epochs, "batch_size": 2, "seed": 0, **options})


def without_seconds(history):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in history]


class Wayward(Module):
    """A model whose scores, or gradient, are what a list says at each call."""

    def __init__(self, scores=(), gradients=()):
        self.w = Parameter(np.ones(2, np.float32))
        self.scores, self.gradients = iter(scores), iter(gradients)

    def __call__(self, *, image, **inputs):
        z = np.full((len(image), 3), next(self.scores, 1), np.float32)

        def backward(dz):
            self.w.grad = self.w.grad + np.float32(next(self.gradients, 1))

        return z, backward


# ---- one step ---------------------------------------------------------------------

def test_a_step_gives_the_loss_and_the_answers_from_before_it():
    model = small()
    inputs, label = TRAIN.batch([0, 1, 2, 3, 4])
    loss, predicted = evaluate(model, TRAIN)
    came, answers = train_step(model, sgd(model), inputs, label, 1.0)
    assert came == pytest.approx(loss, rel=1e-6) and type(came) is float
    assert (answers == predicted).all()
    assert evaluate(model, TRAIN)[0] < loss


def test_steps_do_not_add_up_their_gradients():
    model = Wayward(gradients=[3, 4])
    inputs, label = TRAIN.batch([0])
    for gradient in 3, 4:
        train_step(model, SGD(model.parameters(), 0.1), inputs, label, 100.0)
        assert model.w.grad.tolist() == [gradient] * 2


def test_the_gradient_is_clipped_before_the_step():
    model = Wayward(gradients=[30])
    train_step(model, SGD(model.parameters(), 1.0), *TRAIN.batch([0]), 0.5)
    assert model.w.value == pytest.approx([1 - np.sqrt(0.125)] * 2, rel=1e-5)


@pytest.mark.parametrize("scores, gradients, message", [
    ([np.nan], [], "the loss is nan"), ([np.inf], [], "the loss is nan"),
    ([], [np.nan], "the gradient is not finite, first in w"),
    ([], [-np.inf], "the gradient is not finite, first in w"),
    ([], [1e30], "the norm of the gradient overflows")])
def test_numbers_that_are_not_finite_stop_before_the_weights_change(
        scores, gradients, message):
    model = Wayward(scores, gradients)
    optimizer = sgd(model)
    with pytest.raises(TrainingStopped, match=message):
        train_step(model, optimizer, *TRAIN.batch([0, 1]), 1.0)
    assert (model.w.value == 1).all() and (optimizer.velocity[0] == 0).all()


# ---- many steps ---------------------------------------------------------------------

def test_it_learns():
    model = small()
    history = learn(model, sgd(model), epochs=60, batch_size=5)
    assert history[-1]["loss"] < 0.6 * history[0]["loss"]
    assert history[-1]["train_rating"] > 0.7


def test_a_row_of_the_history_is_the_mean_over_all_examples():
    model = small()
    row, = learn(model, sgd(model, lr=0.0), epochs=1)    # 2 + 2 + 1 pictures
    loss, predicted = evaluate(model, TRAIN)
    assert row["loss"] == pytest.approx(loss, rel=1e-6)
    assert row["train_rating"] == (predicted == TRAIN.label).mean()
    loss, predicted = evaluate(model, VALIDATION)
    assert row["validation_loss"] == loss and row["epoch"] == 1
    assert row["validation_rating"] == (predicted == VALIDATION.label).mean()
    assert tuple(row) == training.COLUMNS


def test_the_answers_do_not_depend_on_the_size_of_a_batch_and_keep_their_order():
    model = small()
    model.head.layers[-1].b.value = np.array([0, 0.3, 0], np.float32)
    loss, predicted = evaluate(model, TRAIN)
    assert len(set(predicted)) > 1
    for size in 1, 2, 3:
        other, answers = evaluate(model, TRAIN, batch_size=size)
        assert other == pytest.approx(loss, rel=1e-6) and (answers == predicted).all()


@pytest.mark.parametrize("done", [1, 2])
def test_going_on_is_never_having_stopped(done):
    whole, parted = small(), small()
    history = learn(whole, sgd(whole), epochs=3)

    def stop(rows):
        if len(rows) == done:
            rows_done.extend(rows)
            raise KeyboardInterrupt

    rows_done, optimizer = [], sgd(parted)
    with pytest.raises(KeyboardInterrupt):
        learn(parted, optimizer, on_epoch=stop)
    again = learn(parted, optimizer, history=rows_done)
    assert without_seconds(again) == without_seconds(history)
    assert all((p.value == q.value).all()
               for p, q in zip(whole.parameters(), parted.parameters()))


def test_the_learning_rate_falls_along_the_cosine_and_is_given_back():
    model = small()
    optimizer = sgd(model, lr=0.2)
    rates, step = [], optimizer.step
    optimizer.step = lambda: (rates.append(optimizer.lr), step())
    learn(model, optimizer, epochs=2)
    assert rates == [0.2 * cosine(k, 6) for k in range(6)] and optimizer.lr == 0.2


def test_every_epoch_shuffles_anew_from_the_seed_and_the_epoch():
    def order(seed, history=()):
        seen = []
        model = small()
        train = examples()
        batch = Examples.batch
        object.__setattr__(train, "batch",
                           lambda k: seen.append(k.tolist()) or batch(train, k))
        fit(model, sgd(model), train, VALIDATION, epochs=2, batch_size=2, seed=seed,
            history=history)
        return seen

    first = order(0)
    assert len(first) == 6 and first[:3] != first[3:] and first == order(0)
    assert first != order(1)
    row = dict.fromkeys(training.COLUMNS, 1)
    assert order(0, [row]) == first[3:]


def test_streams_of_another_purpose_or_seed_are_others():
    draws = {stream(*key).integers(1 << 62) for key in (
        ("order", 0, 0), ("order", 0, 1), ("order", 1, 0), ("hide", 0, 0))}
    assert len(draws) == 4
    assert stream("order", 0).integers(1 << 62) in draws     # as ("order", 0, 0)
    assert stream("order", 3).integers(1 << 62) == stream("order", 3).integers(1 << 62)


@pytest.mark.parametrize("scores, gradients, message", [
    ([1] * 5 + [np.nan], [], "step 2: the loss is nan; a lower --lr may help"),
    ([], [1] * 5 + [np.inf], "step 3: the gradient is not finite, first in w; a lower"),
    ([1] * 7 + [np.nan], [], "step 3: after it the validation loss is nan; a lower")])
def test_a_run_stops_naming_epoch_and_step_and_hands_on_no_bad_epoch(
        scores, gradients, message):
    model, epochs = Wayward(scores, gradients), []
    optimizer = sgd(model)
    with pytest.raises(TrainingStopped, match="^epoch 2, " + message):
        learn(model, optimizer, on_epoch=lambda rows: epochs.append(len(rows)))
    assert epochs == [1] and optimizer.lr == 0.1


# ---- how far it is ------------------------------------------------------------------

def test_progress_is_silent_where_there_is_no_terminal(capsys):
    model = small()
    learn(model, sgd(model), epochs=1)
    assert capsys.readouterr() == ("", "")


def test_progress_shows_the_time_left_on_a_terminal(monkeypatch, capsys):
    now = iter([100.0, 103.0, 103.05, 110.0])
    monkeypatch.setattr(training.time, "perf_counter", lambda: next(now))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Progress("epoch 2/3", 7) as progress:
        for done in 1, 2, 4:                         # the second comes too soon
            progress.show(done, "loss 0.5000")
    out, err = capsys.readouterr()
    assert err.replace("\x1b[K", "").split("\r") == [
        "", "epoch 2/3  step 1/7  loss 0.5000  18 s left ",
        "epoch 2/3  step 4/7  loss 0.5000  8 s left ", ""] and not out


def test_an_error_clears_the_line_of_progress_first(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    model = Wayward([1, np.nan])
    with pytest.raises(TrainingStopped):
        learn(model, sgd(model))
    err = capsys.readouterr().err
    assert "step 1/3" in err and err.endswith("\r\x1b[K")


# ---- other tasks, other schedules ---------------------------------------------------

class Doubting(Module):
    """A classifier whose scores go through dropout."""

    def __init__(self):
        self.inner, self.dropout = small(), Dropout(0.5, np.random.default_rng(0))

    def __call__(self, **inputs):
        z, inner_backward = self.inner(**inputs)
        y, dropout_backward = self.dropout(z)
        return y, lambda dy: inner_backward(dropout_backward(dy))


def test_a_model_is_evaluated_without_dropout_and_goes_on_with_it():
    model, plain = Doubting(), small()
    loss, said = evaluate(model, TRAIN)
    assert (loss, said.tolist()) == (evaluate(plain, TRAIN)[0],
                                     evaluate(plain, TRAIN)[1].tolist())
    assert model.training and model.dropout.training and model.inner.head.training
    inputs, _ = TRAIN.batch([0, 1, 2])
    assert (model(**inputs)[0] != model(**inputs)[0]).any()
    learn(model, sgd(model), epochs=1)
    assert model.dropout.training


def test_what_was_not_training_before_is_not_after_even_after_an_error():
    model = Doubting()
    model.train(False)
    evaluate(model, TRAIN)
    assert not model.training and not model.dropout.training
    model.train(True)
    with pytest.raises(AttributeError):
        evaluate(model, TRAIN, task=None)
    assert model.training and model.dropout.training


@pytest.mark.parametrize("warmup, hold", [(0.34, 0), (0, 0.5), (0.17, 0.67), (0.99, 0),
                                          (0, 0.99), (0.001, 0.001)])
def test_the_learning_rate_rises_and_stays_for_shares_of_all_steps(warmup, hold):
    model = small()
    optimizer = sgd(model, lr=0.2)
    rates, step = [], optimizer.step
    optimizer.step = lambda: (rates.append(optimizer.lr), step())
    learn(model, optimizer, epochs=2, warmup=warmup, hold=hold)
    rise, stay = min(round(6 * warmup), 5), min(round(6 * hold), 5)
    assert rates == [0.2 * cosine(k, 6, rise, stay) for k in range(6)]
    assert rates[:rise] == pytest.approx([0.2 * (k + 1) / rise for k in range(rise)])
    assert rates[rise:stay] == [0.2] * (stay - rise) and min(rates) > 0


def test_a_run_that_goes_on_goes_on_in_the_schedule():
    def rates(history):
        model, found = small(), []
        optimizer = sgd(model)
        step = optimizer.step
        optimizer.step = lambda: (found.append(optimizer.lr), step())
        learn(model, optimizer, history=history, warmup=0.3, hold=0.6)
        return found

    row = dict.fromkeys(training.COLUMNS, 1)
    assert rates([row]) == rates([])[3:]


def real_labels(questions):
    return replace(questions, label=np.linspace(-1.0, 2, len(questions.label)))


def test_labels_of_double_precision_leave_the_weights_in_single():
    model = fusion_classifier(6, 1, np.random.default_rng(0), channels=(2, 3),
                              features=4, embedding_dim=3, hidden_size=5, head=6)
    optimizer = Adam(model.parameters(), 0.01)
    history = fit(model, optimizer, real_labels(TRAIN), real_labels(VALIDATION),
                  epochs=40, batch_size=2, seed=0, warmup=0.2, task=Measure())
    assert {p.value.dtype for p in model.parameters()} == {np.dtype(np.float32)}
    assert {p.grad.dtype for p in model.parameters()} == {np.dtype(np.float32)}
    assert {m.dtype for m in optimizer.m + optimizer.v} == {np.dtype(np.float32)}
    loss, said = evaluate(model, real_labels(TRAIN), Measure())
    assert said.dtype == np.float32 and type(loss) is float
    assert history[-1]["loss"] < 0.7 * history[0]["loss"]
    assert history[-1]["train_rating"] > 0.2 > history[0]["train_rating"]


def test_a_row_of_the_history_has_the_rating_of_the_task():
    model = fusion_classifier(6, 1, np.random.default_rng(0), channels=(2, 3),
                              features=4, embedding_dim=3, hidden_size=5, head=6)
    binary = [replace(part, label=part.label % 2) for part in (TRAIN, VALIDATION)]
    for task, (train, validation) in ((Binary(), binary), (Measure(), [
            real_labels(TRAIN), real_labels(VALIDATION)])):
        row, = fit(model, sgd(model, lr=0.0), train, validation, epochs=1, batch_size=2,
                   seed=0, task=task)
        for name, part in ("train_rating", train), ("validation_rating", validation):
            loss, said = evaluate(model, part, task)
            assert row[name] == pytest.approx(task.rate(said, part.label), rel=1e-5)
            assert row["validation_loss" if part is validation else "loss"] \
                == pytest.approx(loss, rel=1e-5)


def test_what_is_said_of_pairs_stands_where_their_pictures_do():
    texts = ["a red box", "a box", "a red box", "a red box", "a box"]
    tokenizer = Tokenizer(["a", "box", "red"])
    pairs = Pairs(TRAIN.images.repeat(2, axis=2).repeat(2, axis=3), texts, tokenizer)
    model = joint_embedding(5, np.random.default_rng(1), channels=(2, 3), width=6)
    loss, said = evaluate(model, pairs, Match(model))
    parts = [(Match(model).loss(z, None)[0] * len(batch), Match(model).read(z), batch)
             for batch in pairs.batches(64)
             for z, _ in [model(**pairs.batch(batch)[0])]]
    assert 0 < sum(said) < 5
    assert all((said[batch] == read).all() for _, read, batch in parts)
    assert loss == pytest.approx(sum(part for part, *_ in parts) / 5, rel=1e-6)
    history = fit(model, sgd(model), pairs, pairs, epochs=2, batch_size=2, seed=0,
                  task=Match(model))
    assert history[0]["loss"] != history[1]["loss"]
    assert model.s.value != np.float32(np.log(10))
