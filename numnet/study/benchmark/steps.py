"""Whole training steps, and the same network in PyTorch with the same weights.

A step is forward, loss, backward, clipping and the optimiser, as `numnet train` does.
"""

from functools import partial

import numpy as np

from numnet import Conv2d, Linear, Sequential, relu
from numnet.data import Questions, shapes
from numnet.data.examples import Examples
from numnet.data.text import Tokenizer
from numnet.models import fusion_classifier
from numnet.pooling import global_max_pool2d, max_pool2d
from numnet.recipes import configure, optimizer_of
from numnet.study.benchmark.cases import Case
from numnet.study.benchmark.timing import Side
from numnet.training import train_step

TWINS = {"PyTorch": False, "PyTorch, channels last": True}
ANSWERS = tuple(sorted((*shapes.SHAPES, *shapes.COLORS, "yes", "no")))


def recipe_batch(rng):
    """The easy-VQA recipe's: 8 pictures, halved to 32 × 32, with all their questions.
    """
    config = configure(data="easy-vqa")
    questions = shapes.generate(rng, config.batch_size)
    return batch_of(questions, factor=2)


def batch_of_64(rng):
    """64 whole pictures of 64 × 64, with one question each."""
    questions = shapes.generate(rng, 80)             # a few may have no question
    order = rng.permutation(len(questions))
    _, first = np.unique(questions.image[order], return_index=True)
    rows = order[first[:64]]
    return batch_of(Questions(
        questions.images[questions.image[rows]], np.arange(64),
        [questions.question[row] for row in rows],
        [questions.answer[row] for row in rows]), factor=1)


def batch_of(questions, factor):
    """inputs, label, and the number of words, of all questions as one batch."""
    tokenizer = Tokenizer.fit(questions.question)
    examples = Examples.of(questions, tokenizer, ANSWERS, factor)
    return *examples.batch(np.arange(len(questions.images))), len(tokenizer)


def stepping(make_batch, channels, rng, dtype, torch):
    """The sides of one step: the loss, each gradient as clipped, each new weight."""
    inputs, label, words = make_batch(rng)
    inputs["images"] = inputs["images"].astype(dtype)
    model = fusion_classifier(words, len(ANSWERS), rng, channels=channels)
    for p in model.parameters():
        p.value = p.value.astype(dtype)
    config = configure(data="easy-vqa")
    optimizer = optimizer_of(config, model)
    optimizer.lr = 1e-4                              # to stay near the first weights
    sides = {name: Twin(torch, model, last).side(inputs, label, optimizer,
                                                 config.max_norm)
             for name, last in TWINS.items() if torch}

    def run():
        loss, _ = train_step(model, optimizer, inputs, label, config.max_norm)
        return loss, None

    def read(loss, _):
        parameters = model.parameters()
        return [np.asarray(loss, dtype), *(p.grad for p in parameters),
                *(p.value for p in parameters)]

    return {"numnet": Side(run, read)} | sides


STEPS = [
    Case("step of the easy-VQA recipe", (), partial(stepping, recipe_batch, (16, 32))),
    Case("step of three convolutions, batch 64", (),
         partial(stepping, batch_of_64, (16, 32, 64)))]


class Twin:
    """A fusion classifier (concatenation, RNN) in PyTorch, with weights of its own.

    `pairs` holds each Parameter of numnet beside the one here; where that has two axes
    it is laid out transposed, but for the table of the words.
    """

    def __init__(self, torch, model, channels_last=False):
        self.torch, self.model, self.pairs, nn = torch, model, [], torch.nn
        self.format = (torch.channels_last if channels_last
                       else torch.contiguous_format)
        reader, table = model.text_encoder.reader, model.text_encoder.embedding.w
        self.pictures = self.of(model.image_encoder)
        self.words = nn.Embedding(*table.value.shape)
        self.rnn = nn.RNN(*reader.wx.value.shape, batch_first=True)
        self.pair(self.words.weight, table, transposed=False)
        self.pair(self.rnn.weight_ih_l0, reader.wx)
        self.pair(self.rnn.weight_hh_l0, reader.wh)
        self.pair(self.rnn.bias_ih_l0, reader.b)
        nn.init.zeros_(self.rnn.bias_hh_l0).requires_grad_(False)  # one bias, as here
        self.head = self.of(model.head)
        dtype = getattr(torch, table.value.dtype.name)
        self.net = nn.ModuleList([self.pictures, self.words, self.rnn, self.head])
        self.net.to(dtype, memory_format=self.format)
        place = {id(p): k for k, p in enumerate(model.parameters())}
        if place.keys() != {id(p) for p, *_ in self.pairs}:
            raise TypeError("Twin: the network has weights that it has not")
        self.pairs.sort(key=lambda pair: place[id(pair[0])])
        with torch.no_grad():
            for p, there, transposed in self.pairs:
                there.copy_(torch.tensor(p.value.T if transposed else p.value))

    def pair(self, there, p, transposed=True):
        self.pairs.append((p, there, transposed and p.value.ndim == 2))

    def of(self, layer):
        """A layer of numnet as one of PyTorch."""
        nn = self.torch.nn
        if isinstance(layer, Sequential):
            return nn.Sequential(*map(self.of, layer.layers))
        if layer is relu:
            return nn.ReLU()
        if layer is global_max_pool2d:
            return nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten())
        if isinstance(layer, partial) and layer.func is max_pool2d:
            return nn.MaxPool2d(**layer.keywords)
        if isinstance(layer, Linear):
            there = nn.Linear(*layer.w.value.shape)
        elif isinstance(layer, Conv2d):
            o, c, *kernel = layer.w.value.shape
            options = {name: value for name, value in layer.options.items()
                       if name != "needs_dx"}
            there = nn.Conv2d(c, o, kernel, **options)
        else:
            raise TypeError(f"Twin: no layer of PyTorch is known for {layer}")
        self.pair(there.weight, layer.w)
        self.pair(there.bias, layer.b)
        return there

    def laid_out(self, images):
        """Pictures (n, c, h, w) in this twin's layout, as one block of memory."""
        if self.format is self.torch.contiguous_format:
            return np.ascontiguousarray(images)
        return np.ascontiguousarray(images.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)

    def tensors(self, inputs, label):
        """A batch, whose pictures are laid out, as tensors that share its memory."""
        tensor = self.torch.from_numpy
        return {name: tensor(each) for name, each in inputs.items()}, tensor(label)

    def __call__(self, *, images, ids, lengths, image, question):
        torch = self.torch
        u = self.pictures(images)
        h, _ = self.rnn(self.words(ids))
        v = h[torch.arange(len(lengths)), lengths - 1]
        return self.head(torch.cat([u.index_select(0, image),
                                    v.index_select(0, question)], dim=1))

    def parameters(self):
        return [p for p in self.net.parameters() if p.requires_grad]

    def optimizer(self, like):
        """PyTorch's SGD with the settings of numnet's."""
        return self.torch.optim.SGD(self.parameters(), like.lr, like.momentum,
                                    weight_decay=like.weight_decay)

    def step(self, optimizer, inputs, label, max_norm):
        """One training step   →   the loss."""
        torch = self.torch
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(self(**inputs), label)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters(), max_norm)
        optimizer.step()
        return loss.item()

    def side(self, inputs, label, like, max_norm):
        optimizer = self.optimizer(like)
        images = self.laid_out(inputs["images"])
        inputs, label = self.tensors(inputs | {"images": images}, label)

        def run():
            return self.step(optimizer, inputs, label, max_norm), None

        def read(loss, _):
            def all_of(f):
                return [f(there).numpy().T if transposed else f(there).numpy()
                        for _, there, transposed in self.pairs]
            dtype = self.words.weight.detach().numpy().dtype
            return [np.asarray(loss, dtype), *all_of(lambda p: p.grad),
                    *all_of(lambda p: p.detach())]

        return Side(run, read)
