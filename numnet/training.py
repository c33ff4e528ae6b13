"""Training: one step, many steps, and what came of them."""

import sys
import time
import zlib
from contextlib import contextmanager

import numpy as np

from numnet.optim import clip_grad_norm, cosine
from numnet.parallel import ALONE
from numnet.tasks import ANSWER

COLUMNS = ("epoch", "loss", "train_rating", "validation_loss", "validation_rating",
           "seconds")                # of a history; the rating is the task's


def stream(purpose, *seed):
    """A Generator of its own for each purpose and seed, such as ("order", 0, epoch).

    A purpose always has the same number of seeds, each below 2³²: zeros at the end do
    not count, and a larger one is read as two.
    """
    return np.random.default_rng([zlib.crc32(purpose.encode()), *seed])


@contextmanager
def evaluating(model):
    """Within it the model is evaluated (no dropout); then it is as it was before."""
    before = model.training
    model.train(False)
    try:
        yield
    finally:
        model.train(before)


class TrainingStopped(Exception):
    """Training cannot go on: the loss or a gradient is no longer a finite number."""


@np.errstate(all="ignore")         # what overflows shows in the loss or in the norm
def train_step(model, optimizer, inputs, label, max_norm=1.0, task=ANSWER, team=ALONE):
    """Forward, backward and one step of the optimiser, on one batch.

    inputs: the model's keyword arguments   label: what is right   →   loss, and what
    the model said before the step, as the task reads it. In a team, inputs and label
    are this process's share of the batch, the loss is the whole batch's; nothing is
    said (None) of a share without labels.
    Raises TrainingStopped, and leaves the weights as they were, when the loss or the
    gradient's norm is not finite. Being a function, it frees the batch's activations
    before the next step.
    """
    model.zero_grad()
    loss, count, read = 0.0, 0, None
    if len(label):
        z, model_backward = model(**inputs)
        loss, loss_backward = task.loss(z, label)
        dz = loss_backward()
        model_backward(*dz if isinstance(dz, tuple) else (dz,))
        count, read = task.count(label), task.read(z)
    loss = team.join(loss, count, optimizer.parameters)
    if not np.isfinite(loss):
        raise TrainingStopped(f"the loss is {loss}")
    if not np.isfinite(clip_grad_norm(optimizer.parameters, max_norm)):
        bad = [name for name, p in model.named_parameters().items()
               if not np.isfinite(p.grad).all()]
        raise TrainingStopped(f"the gradient is not finite, first in {bad[0]}"
                              if bad else "the norm of the gradient overflows")
    optimizer.step()
    return loss, read


def fit(model, optimizer, train, validation, *, epochs, batch_size, seed,
        max_norm=1.0, warmup=0, hold=0, task=ANSWER, history=(), on_epoch=None,
        team=ALONE):
    """Train for some epochs, the learning rate falling to zero along a cosine.

    train, validation: sets of examples (numnet.data.Examples). warmup, hold: shares of
    all steps in which the rate rises, and until which it stays. task: what is asked
    (numnet.tasks). history: the rows of the epochs already done, to go on from. After
    each epoch calls on_epoch(history). team: the processes (numnet.parallel) that all
    call this alike, and of which each works on its share of every batch.
    Returns the history, one dict of COLUMNS an epoch. The order of the batches comes
    from (seed, epoch) alone, so going on gives the numbers of a run that never stopped.
    Raises TrainingStopped, naming epoch and step, when numbers are no longer finite.
    """
    history, lr = list(history), optimizer.lr
    steps = len(train.batches(batch_size))
    total = epochs * steps
    rise, stay = (min(round(share * total), total - 1) for share in (warmup, hold))
    for epoch in range(len(history), epochs):
        start, losses, said, labels = time.perf_counter(), [], [], []
        batches = train.batches(batch_size, stream("order", seed, epoch))
        try:
            with Progress(f"epoch {epoch + 1}/{epochs}", steps, team.leads) as progress:
                for k, batch in enumerate(batches):
                    batch = batch[team.part]         # of a small batch perhaps nothing
                    inputs, label = train.batch(batch) if len(batch) else ({}, ())
                    optimizer.lr = lr * cosine(epoch * steps + k, total, rise, stay)
                    loss, read = train_step(model, optimizer, inputs, label, max_norm,
                                            task, team)
                    if len(batch):
                        losses.append(loss * task.count(label))
                        said.append(read)
                        labels.append(label)
                    progress.show(k + 1, f"loss {loss:.4f}")
            losses, said, labels = map(team.gather, (losses, said, labels))
            validation_loss, read = evaluate(model, validation, task, team=team)
            if not np.isfinite(validation_loss):
                raise TrainingStopped("after it the validation loss is "
                                      f"{validation_loss}")
        except TrainingStopped as reason:
            raise TrainingStopped(f"epoch {epoch + 1}, step {k + 1}: {reason}; "
                                  "a lower --lr may help") from None
        finally:
            optimizer.lr = lr
        said, labels = np.concatenate(said), np.concatenate(labels)
        history.append(dict(zip(COLUMNS, (
            epoch + 1, sum(losses) / task.count(labels), task.rate(said, labels),
            validation_loss, task.rate(read, validation.label),
            time.perf_counter() - start), strict=True)))
        if on_epoch:
            on_epoch(history)
    return history


@np.errstate(all="ignore")
def evaluate(model, examples, task=ANSWER, batch_size=64, team=ALONE):
    """The mean loss, and what the model says, on all examples in their own order.

    →   loss, a float; what the task reads from the scores, as many as labels. In a
    team each process takes some of the batches, and all get the same.
    """
    losses, rows, said = [], [], []
    with evaluating(model):
        for batch in examples.batches(batch_size)[team.part]:
            inputs, label = examples.batch(batch)
            z, _ = model(**inputs)
            loss, _ = task.loss(z, label)
            losses.append(float(loss) * task.count(label))
            rows.append(examples.rows(batch))
            said.append(task.read(z))
    losses, rows, said = map(team.gather, (losses, rows, said))
    order = np.argsort(np.concatenate(rows))
    return sum(losses) / task.count(examples.label), np.concatenate(said)[order]


class Progress:
    """One line that says how far an epoch is and how long it will take.

    Written over itself on standard error; silent where that is not a terminal, or
    where it is not to be live.
    """

    def __init__(self, title, steps, live=True):
        self.title, self.steps = title, steps
        self.start, self.shown = time.perf_counter(), 0.0
        self.live = live and sys.stderr.isatty()

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
