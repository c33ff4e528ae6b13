"""numnet beside numpy-ml: convolutions, recurrent cells, and a whole training step."""

from functools import partial

import numpy as np

from numnet import SGD, Conv2d
from numnet.models import fusion_classifier
from numnet.study.benchmark import machine, numpy_ml_layers
from numnet.study.benchmark.cases import CONVOLUTIONS, SEQUENCES, Case, chosen
from numnet.study.benchmark.numpy_ml_layers import forget, numpy_ml, set_weights
from numnet.study.benchmark.steps import ANSWERS, batch_of_64
from numnet.study.benchmark.timing import Side, expect_same, turns
from numnet.training import train_step

HEAD = (f"{'milliseconds, forward and backward':42}{'numnet':>12}{'numpy-ml':>12}"
        f"{'times':>8}")
LR, MOMENTUM = 0.1, 0.9
TARGETS = {"conv2d": 8, "step": 300}                 # times as long, at least


def measure(setting, only, repeats, say):
    """A row for each case: milliseconds of both, and how many times as long."""
    numpy_ml()                                       # says how to get it
    for text in machine.describe(setting, None, machine.peaks(None, setting.clock))[:4]:
        say(text)
    rows = []
    for case in chosen(CASES, only):
        expect_same(case.name, case.small(np.random.default_rng(0), np.float64),
                    np.float64)
        sides = case.sides(np.random.default_rng(0), np.float32)
        peer = sides.pop("numpy-ml")
        ours = turns(sides, repeats, setting.clock)["numnet"][2]
        few = 1 if case.group == "step" else 3       # a step takes it a minute
        theirs = turns({"numpy-ml": peer}, few, setting.clock)["numpy-ml"][2]
        rows.append({"case": case.name, "group": case.group, "numnet_ms": 1e3 * ours,
                     "numpy_ml_ms": 1e3 * theirs, "times": theirs / ours})
        say(f"{case.name:42}{1e3 * ours:12.3f}{1e3 * theirs:12.1f}"
            f"{theirs / ours:8.1f}")
    return rows


def conclude(rows):
    for group, least in TARGETS.items():
        times = [row["times"] for row in rows if row["group"] == group]
        if times:
            verdict = "reached" if min(times) >= least else "falls short"
            yield (f"{group}: {min(times):.1f} to {max(times):.1f} times as fast as "
                   f"numpy-ml   at least {least}   {verdict}")


def stepping(rng, dtype, torch, pictures, side):
    """A step of three convolutions with pooling, an RNN, and two layers on both.

    Every question is read to the end of its row, since numpy-ml knows no lengths, and
    nothing is clipped. What is compared is the loss and every weight after the step.
    """
    inputs, label, words = batch_of_64(rng)
    ids, each = inputs["ids"][inputs["question"][:pictures]], np.arange(pictures)
    inputs = {"images": inputs["images"][:pictures, :, :side, :side].astype(dtype),
              "ids": ids, "lengths": np.full(pictures, ids.shape[1]),
              "image": each, "question": each}
    label = label[:pictures]
    model = fusion_classifier(words, len(ANSWERS), rng, channels=(16, 32, 64))
    for p in model.parameters():
        p.value = p.value.astype(dtype)
    theirs = Network(model, side)
    optimizer = SGD(model.parameters(), LR, MOMENTUM)

    def run():
        return train_step(model, optimizer, inputs, label, max_norm=1e30)[0], None

    def read(loss, _):
        return [np.asarray(loss, dtype), *(p.value for p in model.parameters())]

    return {"numnet": Side(run, read),
            "numpy-ml": Side(lambda: (theirs.step(inputs, label), None),
                             lambda loss, _: [loss, *theirs.weights()])}


class Network:
    """The same fusion classifier (concatenation, RNN) of numpy-ml's layers."""

    def __init__(self, model, side):
        layers, text = numpy_ml(), model.text_encoder
        self.layers, self.losses = layers, numpy_ml("losses")
        *seen, last, _ = model.image_encoder.layers
        self.pictures = []
        for layer in seen:
            if isinstance(layer, Conv2d):
                self.pictures += [self.convolution(layer),
                                  layers.Pool2D((2, 2), stride=2)]
        self.pictures += [layers.Pool2D((side // 8, side // 8), stride=side // 8),
                          layers.Flatten(), self.linear(last, "ReLU")]
        table = text.embedding.w.value
        self.words = layers.Embedding(table.shape[1], len(table), **self.options())
        self.words.parameters = {"W": table}
        self.cell = layers.RNNCell(len(text.reader.wh.value), **self.options())
        self.cell.n_in = table.shape[1]
        self.cell._init_params()
        set_weights(self.cell, *(getattr(text.reader, name).value
                                 for name in ("wx", "wh", "b")))
        first, _, last = model.head.layers
        self.head = [self.linear(first, "ReLU"), self.linear(last)]

    def options(self, act_fn=None):
        return {"optimizer": f"SGD(lr={LR}, momentum={MOMENTUM})"} | (
            {"act_fn": act_fn} if act_fn else {})

    def convolution(self, layer):
        o, c, *kernel = layer.w.value.shape
        there = self.layers.Conv2D(o, tuple(kernel), pad=1, **self.options("ReLU"))
        there.in_ch = c
        there._init_params()
        there.parameters = {"W": layer.w.value.transpose(2, 3, 1, 0).copy(),
                            "b": layer.b.value.reshape(1, 1, 1, o)}
        return there

    def linear(self, layer, act_fn=None):
        there = self.layers.FullyConnected(len(layer.b.value), **self.options(act_fn))
        there.n_in = len(layer.w.value)
        there._init_params()
        there.parameters = {"W": layer.w.value, "b": layer.b.value[None]}
        return there

    def step(self, inputs, label):
        """Forward, loss, backward and the step of every layer   →   the mean loss."""
        u = inputs["images"].transpose(0, 2, 3, 1)
        for layer in self.pictures:
            u = layer.forward(u)
        x = self.words.forward(inputs["ids"])
        for step in range(x.shape[1]):
            v = self.cell.forward(x[:, step])
        z = np.concatenate([u, v], axis=1)
        for layer in self.head:
            z = layer.forward(z)
        p = self.layers.Softmax().forward(z)
        right = np.eye(p.shape[1])[label]
        loss = self.losses.CrossEntropy.loss(right, p) / len(label)

        dz = self.losses.CrossEntropy.grad(right, p) / len(label)
        for layer in reversed(self.head):
            dz = layer.backward(dz)
        du, dv = dz[:, :u.shape[1]], dz[:, u.shape[1]:]
        dx = np.empty(x.shape)
        for step in reversed(range(x.shape[1])):
            dx[:, step] = self.cell.backward(dv)
            dv = np.zeros_like(dv)                   # only the last state was read
        self.words.backward(dx)
        for layer in reversed(self.pictures):
            du = layer.backward(du)
        for layer in [*self.pictures, self.words, self.cell, *self.head]:
            layer.update()
        self.cell.parameters["ba"] *= 0              # or its two biases move, not one
        forget(self.cell)
        return loss

    def weights(self):
        """All weights in numnet's order and layout."""
        found = []
        for layer in [*self.pictures, self.words, self.cell, *self.head]:
            own = layer.parameters
            if "Wax" in own:
                found += [own["Wax"], own["Waa"], own["bx"].ravel()]
            elif "W" in own:
                w = own["W"]
                found += [w.transpose(3, 2, 0, 1) if w.ndim == 4 else w]
                found += [own["b"].ravel()] if "b" in own else []
        return found


CASES = [
    *(Case("conv2d", sizes, partial(numpy_ml_layers.conv2d_sides, sizes[1] > 3))
      for sizes in CONVOLUTIONS),
    *(Case(kind, sizes, partial(numpy_ml_layers.recurrent_sides, kind))
      for kind in ("rnn", "lstm") for sizes in SEQUENCES),
    Case("step", (64, 64), stepping)]
