"""The layers of numpy-ml, as sides that are compared with the ops of numnet.

numpy-ml 0.1.2 (David Bourgin, 2019) is another package of networks in NumPy. It is not
needed here; where it is installed (pip install --no-deps numpy-ml==0.1.2) it is
measured. What it misses on a newer Python is lent to it while it is imported, and its
parts without networks stay out. Its classes RNN and LSTM raise, so their cells are
called step by step.

It is given float32 weights (its own are float64), pictures in its layout, and a new
state at each run. Its convolution always computes the gradient of its input; numnet
leaves out that of a picture.
"""

import collections
import collections.abc
import importlib
import importlib.util
import sys
import types
import warnings
import numpy as np

from numnet import conv2d, lstm, rnn
from numnet.study.benchmark.sides import conv2d_arrays, numnet_op, sequence_arrays
from numnet.study.benchmark.timing import Side, arrays_of

GATES = "ufco"                     # its names of the gates, in the order of numnet's
HOW = "numpy-ml is not installed: pip install --no-deps numpy-ml==0.1.2"


def numpy_ml(name="layers"):
    """One of the modules of numpy_ml.neural_nets, imported on any Python."""
    if "numpy_ml" not in sys.modules:
        spec = importlib.util.find_spec("numpy_ml")
        if spec is None:
            raise ValueError(HOW)
        package = types.ModuleType("numpy_ml")       # without its __init__ it needs
        package.__path__ = list(spec.submodule_search_locations)  # no SciPy
        sys.modules["numpy_ml"] = package
    collections.Hashable = collections.abc.Hashable  # moved there in Python 3.3
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")          # it says that SciPy is not there
            return importlib.import_module(f"numpy_ml.neural_nets.{name}")
    finally:
        del collections.Hashable


def conv2d_sides(needs_dx, rng, dtype, torch, *sizes):
    x, w, b, dy, options = conv2d_arrays(rng, dtype, *sizes)
    layer = numpy_ml().Conv2D(w.shape[0], w.shape[2:], pad=options["padding"],
                              stride=options["stride"])
    layer.in_ch = w.shape[1]
    layer._init_params()
    layer.parameters = {"W": w.transpose(2, 3, 1, 0).copy(),
                        "b": b.reshape(1, 1, 1, -1)}
    there, dthere = (each.transpose(0, 2, 3, 1) for each in (x, dy))

    def run():
        layer.flush_gradients()
        return layer.forward(there), lambda: layer.backward(dthere)

    def read(y, dx):
        dx = [dx.transpose(0, 3, 1, 2)] * needs_dx
        return [y.transpose(0, 3, 1, 2), *dx,
                layer.gradients["W"].transpose(3, 2, 0, 1),
                layer.gradients["b"].ravel()]

    return {"numnet": numnet_op(conv2d, (x, w, b), dy, needs_dx=needs_dx, **options),
            "numpy-ml": Side(run, read)}


def recurrent_sides(kind, rng, dtype, torch, n, t, i, o):
    gates = 4 if kind == "lstm" else 1
    x, wx, wh, b, dy = sequence_arrays(rng, dtype, n, t, i, o, gates)
    if kind == "rnn":
        cell = numpy_ml().RNNCell(o)
        ours = numnet_op(rnn, (x, wx, wh, b), dy)
    else:
        cell = numpy_ml().LSTMCell(o)
        ours = numnet_op(lstm, (x, wx, wh, b), (dy, np.zeros((n, o), dtype)))
        ours = Side(ours.run, lambda y, gradients: arrays_of(y[0], gradients))
    cell.n_in = i
    cell._init_params()
    set_weights(cell, wx, wh, b)

    def run():
        cell.flush_gradients()
        forget(cell)
        states = [cell.forward(x[:, step]) for step in range(t)]
        y = np.stack([each[0] if kind == "lstm" else each for each in states], axis=1)

        def backward():
            dx = [cell.backward(dy[:, step]) for step in reversed(range(t))]
            return np.stack(dx[::-1], axis=1)
        return y, backward

    return {"numnet": ours,
            "numpy-ml": Side(run, lambda y, dx: [y, dx, *weight_gradients(cell)])}


def forget(cell):
    """Undo what flush_gradients does wrong: with [] for None the next run raises."""
    for name in "dLdA_accumulator", "dLdC_accumulator":
        if name in cell.derived_variables:
            cell.derived_variables[name] = None


def set_weights(cell, wx, wh, b):
    """numnet's weights in a cell: of an LSTM, four matrices under one another."""
    o = len(wh)
    if "Wax" in cell.parameters:
        cell.parameters = {"Wax": wx, "Waa": wh, "bx": b[:, None],
                           "ba": np.zeros_like(b)[:, None]}
        return
    for k, gate in enumerate(GATES):
        own = slice(k * o, k * o + o)
        cell.parameters[f"W{gate}"] = np.concatenate([wh[:, own], wx[:, own]])
        cell.parameters[f"b{gate}"] = b[None, own]


def weight_gradients(cell):
    """Its gradients of wx, wh and b, in numnet's layout."""
    if "Wax" in cell.gradients:
        return [cell.gradients["Wax"], cell.gradients["Waa"],
                cell.gradients["bx"].ravel()]
    w, b = (np.concatenate([cell.gradients[f"{kind}{gate}"] for gate in GATES], axis=1)
            for kind in "Wb")
    o = cell.n_out
    return [w[o:], w[:o], b.ravel()]
