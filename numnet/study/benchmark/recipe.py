"""The easy-VQA recipe from its first weights to its last, here and in PyTorch.

Both start from the same weights and see the same batches at the same learning rates;
they take turns epoch by epoch, so that both have the same share of a busy machine.
"""

import importlib.util
import time
from dataclasses import replace

import numpy as np

from numnet import accuracy, cosine
from numnet.recipes import build, complete, configure, examples, optimizer_of
from numnet.study.benchmark import machine
from numnet.study.benchmark.steps import TWINS, Twin
from numnet.training import evaluate, stream, train_step

HEAD = "the recipe of easy-VQA, batches prepared in time"


def measure(setting, only, repeats, say):
    """A row for each side: seconds of training, accuracy on the test questions."""
    torch = machine.torch_or_none(setting.threads)
    for text in machine.describe(setting, torch, machine.peaks(torch, setting.clock)):
        say(text)
    name = "easy-vqa" if importlib.util.find_spec("easy_vqa") else "shapes"
    if name != "easy-vqa":
        say("  the package easy-vqa is not installed: on generated pictures")
    config = complete(configure(data=name))
    model, _ = build(config)
    train, _, test = examples(config)
    sides = {"numnet": Ours(model, config, train, test)}
    if torch:
        sides |= {side: Theirs(Twin(torch, model, last), config, train, test)
                  for side, last in TWINS.items()}
    return train_in_turns(sides, config, say, setting.clock)


def train_in_turns(sides, config, say, clock=time.perf_counter):
    """Train all sides, epoch by epoch   →   a row for each."""
    seconds = dict.fromkeys(sides, 0.0)
    for epoch in range(config.epochs):
        for name, side in sides.items():
            start = clock()
            side.epoch(epoch)
            seconds[name] += clock() - start
        say(f"epoch {epoch + 1}/{config.epochs}: " + ", ".join(
            f"{name} {each:.1f} s" for name, each in seconds.items()))
    return [{"side": name, "seconds": seconds[name], "test_accuracy": side.test()}
            for name, side in sides.items()]


def conclude(rows):
    for row in rows:
        ratio = rows[0]["seconds"] / row["seconds"]
        yield (f"{row['side']:24}{row['seconds']:8.1f} s   test accuracy "
               f"{row['test_accuracy']:.2%}"
               + (f"   numnet takes {ratio:.2f} of its time" if row is not rows[0]
                  else ""))


class Ours:
    """The recipe in numnet, as training.fit trains it."""

    def __init__(self, model, config, train, test):
        self.model, self.config, self.train, self.tested = model, config, train, test
        self.optimizer = optimizer_of(config, model)

    def epoch(self, epoch):
        config = self.config
        batches = self.train.batches(config.batch_size,
                                     stream("order", config.seed, epoch))
        for k, batch in enumerate(batches):
            inputs, label = self.train.batch(batch)
            step = epoch * len(batches) + k
            self.step(inputs, label,
                      config.lr * cosine(step, config.epochs * len(batches)))

    def step(self, inputs, label, lr):
        self.optimizer.lr = lr
        train_step(self.model, self.optimizer, inputs, label, self.config.max_norm)

    def test(self):
        return accuracy(evaluate(self.model, self.tested)[1], self.tested.label)


class Theirs(Ours):
    """The recipe in PyTorch: the same loop, with a Twin for the model."""

    def __init__(self, twin, config, train, test):
        self.twin, self.config, self.tested = twin, config, test
        self.train = replace(train, images=twin.laid_out(train.images))
        self.optimizer = twin.optimizer(optimizer_of(config, twin.model))

    def step(self, inputs, label, lr):
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.twin.step(self.optimizer, *self.twin.tensors(inputs, label),
                       self.config.max_norm)

    def test(self):
        said = np.empty_like(self.tested.label)
        for batch in self.tested.batches(64):
            inputs, label = self.twin.tensors(*self.tested.batch(batch))
            with self.twin.torch.no_grad():
                said[self.tested.rows(batch)] = self.twin(**inputs).argmax(1).numpy()
        return accuracy(said, self.tested.label)
