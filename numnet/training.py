"""Training: one step, many steps, and what came of them."""

import sys
import time
import zlib

import numpy as np

from numnet.loss import cross_entropy
from numnet.metrics import accuracy
from numnet.optim import clip_grad_norm, cosine

COLUMNS = ("epoch", "loss", "train_accuracy", "validation_loss", "validation_accuracy",
           "seconds")                                # of a history


def stream(purpose, *seed):
    """A Generator of its own for each purpose and seed, such as ("order", 0, epoch)."""
    return np.random.default_rng([zlib.crc32(purpose.encode()), *seed])


class TrainingStopped(Exception):
    """Training cannot go on: the loss or a gradient is no longer a finite number."""


@np.errstate(all="ignore")         # what overflows shows in the loss or in the norm
def train_step(model, optimizer, inputs, label, max_norm):
    """Forward, backward and one step of the optimiser, on one batch.

    inputs: the model's keyword arguments   label (n)   →   loss, predicted (n).
    Raises TrainingStopped, and leaves the weights as they were, when the loss or the
    gradient's norm is not finite. Being a function, it frees the batch's activations
    before the next step.
    """
    z, model_backward = model(**inputs)
    loss, loss_backward = cross_entropy(z, label=label)
    if not np.isfinite(loss):
        raise TrainingStopped(f"the loss is {loss}")
    model.zero_grad()
    model_backward(loss_backward())
    if not np.isfinite(clip_grad_norm(optimizer.parameters, max_norm)):
        bad = [name for name, p in model.named_parameters().items()
               if not np.isfinite(p.grad).all()]
        raise TrainingStopped(f"the gradient is not finite, first in {bad[0]}"
                              if bad else "the norm of the gradient overflows")
    optimizer.step()
    return float(loss), z.argmax(axis=1)


def fit(model, optimizer, train, validation, *, epochs, batch_size, seed,
        max_norm=1.0, history=(), on_epoch=None):
    """Train for some epochs, the learning rate falling to zero along a cosine.

    train, validation: sets of examples (numnet.data.Examples). history: the rows of
    the epochs already done, to go on from. After each epoch calls on_epoch(history).
    Returns the history, one dict of COLUMNS an epoch. The order of the batches comes
    from (seed, epoch) alone, so going on gives the numbers of a run that never stopped.
    Raises TrainingStopped, naming epoch and step, when numbers are no longer finite.
    """
    history, lr = list(history), optimizer.lr
    steps = len(train.batches(batch_size))
    for epoch in range(len(history), epochs):
        start, losses, right = time.perf_counter(), [], []
        batches = train.batches(batch_size, stream("order", seed, epoch))
        try:
            with Progress(f"epoch {epoch + 1}/{epochs}", steps) as progress:
                for k, batch in enumerate(batches):
                    inputs, label = train.batch(batch)
                    optimizer.lr = lr * cosine(epoch * steps + k, epochs * steps)
                    loss, predicted = train_step(model, optimizer, inputs, label,
                                                 max_norm)
                    losses.append(loss * len(label))
                    right.append(predicted == label)
                    progress.show(k + 1, f"loss {loss:.4f}")
            validation_loss, predicted = evaluate(model, validation)
            if not np.isfinite(validation_loss):
                raise TrainingStopped("after it the validation loss is "
                                      f"{validation_loss}")
        except TrainingStopped as reason:
            raise TrainingStopped(f"epoch {epoch + 1}, step {k + 1}: {reason}; "
                                  "a lower --lr may help") from None
        finally:
            optimizer.lr = lr
        right = np.concatenate(right)
        history.append(dict(zip(COLUMNS, (
            epoch + 1, sum(losses) / len(right), float(right.mean()),
            validation_loss, accuracy(predicted, validation.label),
            time.perf_counter() - start), strict=True)))
        if on_epoch:
            on_epoch(history)
    return history


@np.errstate(all="ignore")
def evaluate(model, examples, batch_size=64):
    """The mean loss and the answers, on all examples in their own order.

    →   loss, a float; predicted (n).
    """
    total, predicted = 0.0, np.empty(len(examples.label), np.int64)
    for batch in examples.batches(batch_size):
        inputs, label = examples.batch(batch)
        z, _ = model(**inputs)
        loss, _ = cross_entropy(z, label=label)
        total += float(loss) * len(label)
        predicted[examples.rows(batch)] = z.argmax(axis=1)
    return total / len(examples.label), predicted


class Progress:
    """One line that says how far an epoch is and how long it will take.

    Written over itself on standard error; silent where that is not a terminal.
    """

    def __init__(self, title, steps):
        self.title, self.steps = title, steps
        self.start, self.shown = time.perf_counter(), 0.0
        self.live = sys.stderr.isatty()

    def __enter__(self):
        return self

    def show(self, done, text):
        now = time.perf_counter()
        if self.live and now - self.shown > 0.1:
            left = (now - self.start) / done * (self.steps - done)
            sys.stderr.write(f"\r{self.title}  step {done}/{self.steps}  {text}  "
                             f"{left:.0f} s left \x1b[K")
            sys.stderr.flush()
            self.shown = now

    def __exit__(self, *error):
        if self.live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
