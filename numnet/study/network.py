"""A whole network and its loss as one op, and an example to run it on."""

import numpy as np

from numnet import recipes, runs
from numnet.data import Questions, shapes
from numnet.data import sort_of_clevr as clevr
from numnet.data.text import Tokenizer
from numnet.models import fusion_classifier
from numnet.tasks import Answer


def one_example(run=None):
    """Say what is asked; return the network with its loss as an op, its inputs, itself.

    Of a run: the trained network, on the first pictures of its own test data, with at
    most three questions. Otherwise a small fusion classifier that has learned nothing.
    """
    config, model, task = runs.open_run(run) if run else (None, None, Answer())
    if config and config.data == "sort-of-clevr":
        scenes = clevr.Scenes(np.random.default_rng(0), 2)
        return _with_loss(model, task, *scenes.batch(np.arange(2)))
    asked = (recipes.sources(config)[2].of_images([0, 1]) if run else
             shapes.generate(np.random.default_rng(0), 2))
    rows = np.r_[np.flatnonzero(asked.image == 0)[:2],
                 np.flatnonzero(asked.image == 1)[:1]]
    asked = Questions(asked.images, asked.image[rows],
                      [asked.question[row] for row in rows],
                      [asked.answer[row] for row in rows])
    for picture, question, answer in zip(asked.image, asked.question, asked.answer):
        print(f"picture {picture}: {question}  {answer}")
    if not run:
        config, model = _small(asked)
    inputs, label = recipes.prepare(asked, config).batch(np.arange(2))
    return _with_loss(model, task, inputs, label)


def _small(asked):
    answers = (*shapes.SHAPES, *shapes.COLORS, "no", "yes")
    words = Tokenizer.fit(asked.question).words
    model = fusion_classifier(
        len(words), len(answers), np.random.default_rng(0), channels=(4, 6),
        features=8, embedding_dim=5, hidden_size=7, head=10)
    return recipes.Config("shapes", words=tuple(words[2:]), answers=answers), model


def _with_loss(model, task, inputs, label):
    def network(**inputs):
        z, model_backward = model(**inputs)
        loss, loss_backward = task.loss(z, label)

        def backward(dloss=1.0):
            dz = loss_backward(dloss)
            model_backward(*(dz if isinstance(dz, tuple) else (dz,)))

        return loss, backward

    return network, inputs, model
