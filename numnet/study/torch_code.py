"""Code for PyTorch: a network as an expression, and the parts that it names.

The parts are copied from numnet/pytorch as they stand there, each class and function
only where something that is copied names it.
"""

import ast
from functools import partial
from pathlib import Path

import numpy as np

from numnet import fusion, models, scenes
from numnet.activation import flatten, relu
from numnet.convolution import Conv2d
from numnet.embedding import Embedding, Positions
from numnet.hops import Hop, cells_of
from numnet.linear import Linear
from numnet.module import Module, Sequential
from numnet.normalization import LayerNorm
from numnet.pooling import cells, global_max_pool2d, max_pool2d
from numnet.recurrent import LSTM, RNN

PARTS = Path(__file__).parent.parent / "pytorch"
FILES = "readers", "fusion", "scenes", "use"         # in the order in which one reads
OPS = {relu: "nn.ReLU()", flatten: "nn.Flatten()", cells: "Cells()",
       cells_of: "CellsOf()", global_max_pool2d: "GlobalMaxPool()"}
COLUMNS = 88


def module(introduction, model, *roots):
    """The text of a module that defines `network`, the roots, and all that they need.

    introduction: its docstring, quotes and all.
    """
    imports, constants, definitions = _parts_of_files()
    definitions["network"] = (f'def network():\n    """The network, untrained."""\n'
                              f"    return {_fit(written(model), 4)}")
    parts = imports | constants | definitions
    needed, more = set(), {"network", *roots}
    while more:
        needed |= more
        named = set().union(*(_names(parts[name]) for name in more))
        more = named & set(parts) - needed

    def chosen(parts):
        return [code for name, code in parts.items() if name in needed]

    torch = [line for line in chosen(imports) if "torch" in line]
    plain = [line for line in chosen(imports) if "torch" not in line]
    head = ["\n".join(sorted(lines, key=lambda line: (line.startswith("from"), line)))
            for lines in (plain, torch, chosen(constants))]
    body = ["\n" + code for code in chosen(definitions)]
    return "\n\n".join([introduction, *head, *body]) + "\n"


def _parts_of_files():
    """What numnet/pytorch imports, assigns and defines: dicts from name to code."""
    imports, constants, definitions = {}, {}, {}
    for name in FILES:
        text = (PARTS / f"{name}.py").read_text(encoding="utf-8")
        for node in ast.parse(text).body:
            start = min([node, *getattr(node, "decorator_list", ())],
                        key=lambda each: each.lineno)
            code = "\n".join(text.splitlines()[start.lineno - 1:node.end_lineno])
            match node:
                case ast.Import(names) | ast.ImportFrom(names=names):
                    if "numnet" not in code:         # of its own parts, the code itself
                        imports |= {each.asname or each.name: code for each in names}
                case ast.Assign():
                    constants[node.targets[0].id] = code
                case ast.ClassDef() | ast.FunctionDef():
                    definitions[node.name] = code
    return imports, constants, definitions


def _names(code):
    """The names that a piece of code mentions."""
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


def written(layer):
    """A layer as PyTorch builds it: code, or a call as (opening, groups, closing).

    Raises ValueError for a layer that has no counterpart.
    """
    match layer:
        case Linear():
            return _call("nn.Linear", *layer.w.value.shape)
        case Conv2d():
            o, c, i, j = layer.w.value.shape
            options = {name: value for name, value in layer.options.items()
                       if name != "needs_dx"}
            return _call("nn.Conv2d", c, o, i if i == j else (i, j), **options)
        case partial(func=op, keywords={"kernel_size": size, **more}) \
                if op is max_pool2d:
            return _call("nn.MaxPool2d", size, **more)
        case Embedding():
            return _call("nn.Embedding", *layer.w.value.shape)
        case Positions():
            return _call("Positions", *layer.w.value.shape)
        case LayerNorm():
            return _call("nn.LayerNorm", *layer.w.value.shape)
        case RNN() | LSTM():
            return _call(type(layer).__name__, len(layer.wx.value), len(layer.wh.value))
        case models.AttentionReader():
            steps, width = layer.positions.w.value.shape
            heads = layer.block.attention.layer.heads
            return _call("AttentionReader", width, heads=heads, longest=steps)
        case models.TextEncoder():
            pool = ("every_step" if not layer.pooled else
                    "mean_step" if layer.reader_kind == "attention" else "last_step")
            return _parts("TextEncoder", layer, "embedding", "reader", pool=pool)
        case scenes.QuestionEncoder():
            return _parts("QuestionEncoder", layer, "embedding", "lstm", "norm")
        case fusion.Concatenation() | fusion.Average() | fusion.Product():
            return _call(type(layer).__name__)
        case fusion.GatedSum():
            return _call("GatedSum", layer.width)
        case fusion.SharedEncoder():
            return _call("SharedEncoder", layer.width // 2)
        case fusion.CrossAttention():
            look = layer.look.layer
            return _call("CrossAttention", len(look.k.w.value), layer.width,
                         heads=look.heads)
        case models.FusionClassifier():
            sequences = getattr(layer.fusion, "sequences", False)
            name = "SequenceClassifier" if sequences else "FusionClassifier"
            return _parts(name, layer, "image_encoder", "text_encoder", "fusion",
                          "head")
        case models.JointEmbedding():
            return _parts("JointEmbedding", layer, "image_encoder", "text_encoder")
        case Hop():
            project, split = layer.q.layers
            hidden = layer.feedforward.layer.layers[0]
            return _call("Hop", len(project.w.value), heads=split.keywords["heads"],
                         hidden=len(hidden.b.value), first=layer.wish is None)
        case scenes.HopNetwork():
            x, y = (len(np.unique(places)) for places in layer.grid.T)
            return _parts("HopNetwork", layer, "image", "text", "offset", "hops",
                          "head", rows=y, columns=x)
        case scenes.ConcatenationNetwork():
            return _parts("ConcatenationNetwork", layer, "image", "text", "head")
        case list():
            return "[", [[written(each)] for each in layer], "]"
        case Sequential():
            groups = []
            for each in layer.layers:                # an op stands beside its layer
                if isinstance(each, Module) or not groups:
                    groups.append([])
                groups[-1].append(written(each))
            return "nn.Sequential(", groups, ")"
    if layer in OPS:
        return OPS[layer]
    raise ValueError("export: numnet/pytorch has no counterpart of "
                     f"{getattr(layer, '__name__', type(layer).__name__)}")


def _call(name, *sizes, **options):
    """A call that stands on one line."""
    return f"{name}({', '.join([*map(str, sizes), *_settings(options)])})"


def _parts(name, layer, *parts, **options):
    """A call with parts of a layer for arguments, by their names."""
    groups = []
    for part in parts:
        code = written(getattr(layer, part))
        opening, *rest = [code] if isinstance(code, str) else code
        groups.append([(f"{part}={opening}", *rest) if rest else f"{part}={opening}"])
    return f"{name}(", groups + [_settings(options)] * bool(options), ")"


def _settings(options):
    return [f"{name}={value}" for name, value in options.items()]


def _fit(code, indent):
    """Code on one line where that fits, and otherwise a group of arguments a line."""
    flat = _flat(code)
    if isinstance(code, str) or indent + len(flat) < COLUMNS:
        return flat
    opening, groups, closing = code
    indent, lines = indent + 4, []
    for group in groups:
        line = ""
        for each in (_fit(each, indent) for each in group):
            if line and indent + len(line) + len(each) + 2 >= COLUMNS:
                lines.append(line)
                line = ""
            line += ", " * bool(line) + each
        lines.append(line)
    start = "\n" + " " * indent
    return opening + start + ("," + start).join(lines) + closing


def _flat(code):
    if isinstance(code, str):
        return code
    opening, groups, closing = code
    return opening + ", ".join(_flat(each) for group in groups
                               for each in group) + closing
