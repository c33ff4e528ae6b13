"""The way out: a run's network in PyTorch, with its weights, and nothing of numnet.

    model_torch.py         the network, written for this run: the parts of
                           numnet/pytorch that it uses, and how they are put together
    weights.safetensors    its weights, under PyTorch's names, as PyTorch lays them out
    model.json             the words, the answers, and the size of the pictures
"""

import json
import re
from functools import reduce
from pathlib import Path

import numpy as np

from numnet import asking, recipes, runs, safetensors
from numnet.checkpoint import write_text
from numnet.data import derived
from numnet.data.text import RESERVED
from numnet.linear import Linear
from numnet.recurrent import LSTM, RNN
from numnet.study import torch_code

USE = {                                # by task: what asks one question; its loss
    "answer": ("answers", "F.cross_entropy(z, label)"),
    "scenes": ("scene_answers", "F.cross_entropy(z.flatten(0, 1), label.flatten())"),
    "yes-no": ("yes_or_no", "F.binary_cross_entropy_with_logits(z, label[:, None])"),
    "measure": ("measured", "F.mse_loss(z, label[:, None])"),
    "match": ("similarity", "model.loss(*z)")}
BAR = 1e-10                            # how far PyTorch's numbers may lie from ours


def main(arguments):
    """`numnet export`: write a run's network for PyTorch, and compare the two."""
    config, model, task = runs.open_run(arguments.run)
    folder = Path(arguments.out)
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty: choose another -o")
    write(folder, config, model)
    weights = sum(p.value.size for p in model.parameters())
    print(f"{folder}: model_torch.py, model.json, and weights.safetensors with "
          f"{weights:,} weights")
    return report(compare(folder, config, model, task)) if arguments.verify else 0


def write(folder, config, model):
    """Write the three files into a folder.

    Raises ValueError for a network with a layer that numnet/pytorch does not have, or
    that did not see both pictures and questions.
    """
    asking.expect_both("export", config)
    if config.task == "caption":
        raise ValueError("export: numnet/pytorch has no layers that write captions")
    folder, (size, shrink) = Path(folder), recipes.picture_size(config)
    about = {"size": size, "shrink": shrink, "words": [*RESERVED, *config.words],
             "answers": config.answers}
    if config.task == "measure":
        about["measures"] = derived.MEASURES
    code = torch_code.module(_introduction(config), model, "load", _use(config)[0])
    folder.mkdir(parents=True, exist_ok=True)
    safetensors.save(folder / "weights.safetensors", in_pytorch(model),
                     {"format": "pt"})
    write_text(folder / "model.json", json.dumps(about, indent=1, ensure_ascii=False))
    write_text(folder / "model_torch.py", code)


def _use(config):
    return USE["scenes" if config.data == "sort-of-clevr" else config.task]


def in_pytorch(model):
    """A model's weights as PyTorch's `state_dict` has them: a dict from name to array.
    """
    weights = laid_out(model, model.state_dict())
    return weights | {name.replace("_ih_", "_hh_"): np.zeros_like(array)
                      for name, array in weights.items() if name.endswith("bias_ih_l0")}


def laid_out(model, arrays):
    """Arrays of a model's parameters under PyTorch's names, laid out as PyTorch does.

    arrays: a dict from numnet's name, values or gradients alike, to an array. This is
    the one place where weights are transposed: PyTorch's W (o, i) is w (i, o).
    """
    there = {}
    for name, array in arrays.items():
        path, _, own = name.rpartition(".")
        owner = type(reduce(_within, path.split("."), model) if path else model)
        if owner in (RNN, LSTM):
            renamed = {"wx": "weight_ih_l0", "wh": "weight_hh_l0", "b": "bias_ih_l0"}
        else:
            renamed = {"w": "weight", "b": "bias"}
        if owner in (RNN, LSTM, Linear):
            array = array.T
        path = re.sub(r"\blayers\.", "", path + ".") if path else ""
        there[path + renamed.get(own, own)] = array
    return there


def _within(module, key):
    return module[int(key)] if key.isdigit() else getattr(module, key)


def _introduction(config):
    (asking, loss), (size, _) = _use(config), recipes.picture_size(config)
    question = {"measure": next(iter(derived.MEASURES)), "match": "a blue circle",
                "yes-no": "is there a circle?"}.get(
        config.task, "what is the shape of the red object?"
        if config.data == "sort-of-clevr" else "what color is the shape?")
    opened = f'Image.open("picture.png").convert("RGB").resize(({size}, {size}))'
    return f'''"""A network that numnet trained on {config.data}, in PyTorch.

weights.safetensors and model.json lie beside it; it needs nothing else of numnet:

    import numpy
    from PIL import Image
    from model_torch import {asking}, load
    picture = numpy.array({opened})
    print({asking}(load(), picture, "{question}"))

The loss that it learned by, z being what it returns:

    {loss}

A tag such as (linear.1) is the number of a formula in numnet.
"""'''


def compare(folder, config, model, task):
    """How far the written network is from numnet's, in float64: rows (name, error).

    Both answer the same made-up questions about the same random pictures. A row each
    for the outputs, the loss, and its gradient for every weight. The model becomes one
    of float64. Raises ValueError where PyTorch is not installed.
    """
    try:
        import torch
    except ImportError:
        raise ValueError("PyTorch is not installed, so nothing was compared; "
                         "pip install torch, or leave --verify out") from None
    module = {"__name__": "model_torch", "__file__": str(folder / "model_torch.py")}
    exec(compile((folder / "model_torch.py").read_text(encoding="utf-8"),
                 module["__file__"], "exec"), module)
    network = module["load"]().double()
    for p in model.parameters():
        p.value = p.value.astype(np.float64)
        p.zero_grad()
    inputs, label = sample(config, np.random.default_rng(0))

    z, backward = model(**inputs)
    loss, loss_backward = task.loss(z, label)
    dz = loss_backward()
    backward(*dz if isinstance(dz, tuple) else (dz,))
    ours = laid_out(model, {name: p.grad
                            for name, p in model.named_parameters().items()})

    their_z = network(**{name: torch.tensor(x) for name, x in inputs.items()})
    their_loss = eval(_use(config)[1], {"F": torch.nn.functional, "model": network,
                                        "z": their_z, "label": torch.tensor(label)})
    their_loss.backward()
    theirs = {name: p.grad for name, p in network.named_parameters() if p.requires_grad}
    if ours.keys() != theirs.keys():
        raise ValueError(f"the networks have other weights: {ours.keys() ^ theirs}")
    if isinstance(z, tuple):
        z, their_z = np.stack(z), torch.stack(their_z)
    pairs = [("the output", z, their_z), ("the loss", loss, their_loss),
             *((f"the gradient of {name}", ours[name], theirs[name]) for name in ours)]
    return [(name, _distance(x, y.detach().numpy())) for name, x, y in pairs]


def _distance(x, y):
    return float(np.abs(x - y).max()) if np.shape(x) == y.shape else np.inf


def sample(config, rng):
    """Random pictures, words and labels, as the run's model takes them."""
    size, shrink = recipes.picture_size(config)
    words, answers = len(config.words) + 2, len(config.answers)
    inputs = {"images": rng.random((3, 3, size // shrink, size // shrink)),
              "ids": rng.integers(words, size=(4, 6)),
              "lengths": np.array([2, 6, 1, 4])}
    if config.task == "match":
        return {name: x[:3] for name, x in inputs.items()}, np.arange(3)
    if config.data == "sort-of-clevr":
        question = rng.integers(4, size=(3, 5))
        return inputs | {"question": question}, rng.integers(answers, size=(3, 5))
    inputs |= {"image": np.array([1, 0, 2, 1, 1]),
               "question": np.array([3, 0, 2, 2, 1])}
    if config.task == "measure":
        return inputs, rng.normal(size=5)
    label = rng.integers(answers, size=5)
    return inputs, label.astype(float) if config.task == "yes-no" else label


def report(rows):
    """Say how well the two agree. Returns the exit code: 1 where they do not."""
    name, worst = max(rows, key=lambda row: np.nan_to_num(row[1], nan=np.inf))
    gradients = len(rows) - 2
    if worst <= BAR:                   # NaN is not
        print(f"in PyTorch and float64 the output, the loss and {gradients} gradients "
              f"are the same, to {worst:.0e}")
        return 0
    print(f"{name} differs by {worst:.1e} in PyTorch and float64, more than {BAR:.0e}")
    return 1
