"""Runs of every kind, made in a moment: their weights are drawn, not trained."""

import itertools
import json
from dataclasses import asdict

import numpy as np

from numnet import checkpoint, recipes
from numnet.data import derived
from numnet.data import sort_of_clevr as clevr
from numnet.data.shapes import generate
from numnet.data.text import Tokenizer

PICTURES = generate(np.random.default_rng(4), 3)
WORDS = tuple(Tokenizer.fit([*PICTURES.question, *derived.MEASURES,
                             "a blue circle"]).words[2:])
FUSED = {f"{fusion}, {text}": {"fusion": fusion, "text": text} for fusion, text in
         itertools.product(recipes.CHOICES["fusion"], recipes.CHOICES["text"])}
KINDS = {**FUSED, "yes-no": {"task": "yes-no"}, "measure": {"task": "measure"},
         "match": {"task": "match"}, "article": {"model": "article"},
         "hops": {"data": "sort-of-clevr", "fusion": "attention"},
         "scenes": {"data": "sort-of-clevr", "fusion": "concatenation"}}


def make_run(folder, kind):
    """A run of this kind, with weights that were never trained, none of them 0."""
    config = recipes.configure(**{"data": "shapes"} | KINDS[kind])
    words, answers = WORDS, ("blue", "circle", "no", "red", "yes")
    if config.data == "sort-of-clevr":
        words, answers = tuple(clevr.TOKENIZER.words[2:]), clevr.ANSWERS
    answers = {"answer": answers, "yes-no": ("no", "yes")}.get(config.task, ())
    config = recipes.Config(**asdict(config) | {"words": words, "answers": answers})
    model, _ = recipes.build(config)
    rng = np.random.default_rng(1)
    for p in model.parameters():
        p.value = p.value + 0.1 * rng.normal(size=p.value.shape).astype(np.float32)
    checkpoint.save(folder / "weights.npz", model.state_dict())
    checkpoint.write_text(folder / "config.json", json.dumps(asdict(config)))
    return folder
