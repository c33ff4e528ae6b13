"""In PyTorch: weights from a file, and a question about a picture."""

import json
import math
import unicodedata
from pathlib import Path

import torch
from torch.nn import functional as F

HERE = Path(__file__).parent
MODEL = json.loads((HERE / "model.json").read_text(encoding="utf-8"))


def network():
    """The network, untrained."""
    raise NotImplementedError("this is what numnet writes for each run")


def load():
    """The network with the weights of the run."""
    model = network()
    model.load_state_dict(weights(HERE / "weights.safetensors"))
    return model.eval()


def weights(path):
    """The tensors of a .safetensors file: the header's size, the header, the numbers.

    `load_file` of the package safetensors gives the same.
    """
    data = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    header.pop("__metadata__")
    return {name: torch.frombuffer(
                data, dtype=torch.float32, count=math.prod(entry["shape"]),
                offset=start + entry["data_offsets"][0]).reshape(entry["shape"])
            for name, entry in header.items()}


def prepare(picture):
    """A picture (size, size, 3) of bytes, as the network takes it: white becomes 0."""
    x = torch.as_tensor(picture)
    if x.shape != (MODEL["size"], MODEL["size"], 3) or x.dtype != torch.uint8:
        raise ValueError(f"the picture must be {MODEL['size']} x {MODEL['size']} x 3 "
                         f"bytes, got {tuple(x.shape)} of {x.dtype}")
    x = x.permute(2, 0, 1)[None].float()
    return 1 - F.avg_pool2d(x, MODEL["shrink"]) / 255


def encode(text):
    """The words of a text: ids (1, t), 1 for one that is unknown, and lengths (1)."""
    text = unicodedata.normalize("NFC", text.lower())
    words = "".join(letter if unicodedata.category(letter)[0] in "LMN" else " "
                    for letter in text).split()
    known = {word: number for number, word in enumerate(MODEL["words"])}
    return (torch.tensor([[known.get(word, 1) for word in words]]),
            torch.tensor([len(words)]))


@torch.no_grad()
def answers(model, picture, question):
    """How likely each answer is, the likeliest first: a dict."""
    one = torch.zeros(1, dtype=torch.int64)
    z = model(prepare(picture), *encode(question), one, one)
    return ranked(z[0].softmax(0))                   # (softmax.1)


@torch.no_grad()
def scene_answers(model, picture, question):
    """How likely each answer is, the likeliest first: a dict."""
    one = torch.zeros(1, 1, dtype=torch.int64)
    z = model(prepare(picture), *encode(question), one)
    return ranked(z[0, 0].softmax(0))                # (softmax.1)


@torch.no_grad()
def yes_or_no(model, picture, question):
    """How likely no and yes are, the likelier first: a dict."""
    one = torch.zeros(1, dtype=torch.int64)
    z = model(prepare(picture), *encode(question), one, one)
    yes = z[0].sigmoid()                             # (sigmoid.1)
    return ranked(torch.cat([1 - yes, yes]))


def ranked(p):
    """The answers and their shares p, the largest first."""
    named = zip(MODEL["answers"], p.tolist(), strict=True)
    return dict(sorted(named, key=lambda pair: -pair[1]))


@torch.no_grad()
def measured(model, picture, question):
    """The number that is asked for, by one of the questions in model.json."""
    usual, spread = MODEL["measures"][question]
    one = torch.zeros(1, dtype=torch.int64)
    z = model(prepare(picture), *encode(question), one, one)
    return usual + spread * z.item()


@torch.no_grad()
def similarity(model, picture, caption):
    """How well a caption fits a picture: from -1 to 1."""
    u, v = model(prepare(picture), *encode(caption))
    return (u @ v.T).item()
