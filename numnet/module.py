r"""Parameters, the layers that own them, and the one place gradients are added.

An op is a pure function: `y, backward = op(x, w, b)`, and `backward(dy)` returns one
gradient per positional array. A layer has the same shape, `y, backward = layer(x)`,
but owns its weights: its backward adds their gradients to `.grad` and returns only
the gradient of its inputs.
"""

import numpy as np

from numnet.shapes import expect_float


class Parameter:
    """A weight and the sum of the gradients that came back to it.

    `value` and `grad` are arrays of one shape and dtype. Both are replaced, never
    written into, so an earlier backward keeps the numbers it was made with. Before the
    first gradient, `grad` is `nothing`: zeros that take no memory. Raises TypeError for
    anything but an array of float32, float64 or complex numbers.
    """

    def __init__(self, value):
        expect_float("Parameter", "value", value)
        self.value = value
        self.zero_grad()

    def zero_grad(self):
        zero = np.zeros((), self.value.dtype)
        self.grad = self.nothing = np.broadcast_to(zero, self.value.shape)


def apply(op, *args, **options):
    r"""Call an op on arrays and Parameters, and send each gradient where it belongs.

    (apply.1)  dw = \sum_k dw^{(k)}

    k runs over the uses of one parameter: in two branches, at every call, in every
    batch since zero_grad. A parameter used twice has the sum of both gradients, since
    the loss depends on it through both. The backward returns the gradients of the
    plain arrays only: one, a tuple of several, or None where every argument is a
    Parameter. Source: the chain rule for several variables.
    """
    y, op_backward = op(*(arg.value if isinstance(arg, Parameter) else arg
                          for arg in args), **options)

    def backward(*dy):
        grads = op_backward(*dy)
        grads = grads if isinstance(grads, tuple) else (grads,)
        inputs = []
        for arg, grad in zip(args, grads, strict=True):
            if isinstance(arg, Parameter):
                first = arg.grad is arg.nothing
                arg.grad = grad if first else arg.grad + grad    # (apply.1)
            else:
                inputs.append(grad)
        if len(inputs) < 2:
            return inputs[0] if inputs else None
        return tuple(inputs)

    return y, backward


class Module:
    """A layer: a callable that owns Parameters, directly or in Modules it holds.

    Parameters are found where they are assigned: attributes, and lists of Modules.
    Names are dotted as in PyTorch: "image.0.w". `training` says whether layers that
    behave otherwise when evaluated (dropout) are in use for training.
    """

    training = True

    def _walk(self, prefix=""):
        """Every Parameter and Module within, each with its dotted name."""
        for name, value in vars(self).items():
            items = enumerate(value) if isinstance(value, list) else [(None, value)]
            for index, item in items:
                path = prefix + (name if index is None else f"{name}.{index}")
                if isinstance(item, (Parameter, Module)):
                    yield path, item
                if isinstance(item, Module):
                    yield from item._walk(path + ".")

    def named_parameters(self):
        """A dict from dotted name to Parameter; one that is shared comes once."""
        first = {}
        for name, item in self._walk():
            if isinstance(item, Parameter):
                first.setdefault(id(item), (name, item))
        return dict(first.values())

    def parameters(self):
        """The Parameters, each once."""
        return list(self.named_parameters().values())

    def zero_grad(self):
        for parameter in self.parameters():
            parameter.zero_grad()

    def train(self, training=True):
        """Set `training` here and in every Module within."""
        self.training = training
        for _, item in self._walk():
            if isinstance(item, Module):
                item.training = training

    def state_dict(self):
        """A dict from dotted name to a copy of the value."""
        return {name: p.value.copy() for name, p in self.named_parameters().items()}

    def load_state_dict(self, state):
        """Take values over from a dict, all or none.

        Raises ValueError naming what is missing, left over, or of another shape or
        dtype, TypeError for what is no dict of arrays, before anything changes.
        """
        if not isinstance(state, dict):
            raise TypeError("load_state_dict: state must be a dict, got "
                            f"{type(state).__name__}")
        mine = self.named_parameters()
        missing, extra = sorted(mine.keys() - state), sorted(state.keys() - mine.keys())
        if missing or extra:
            raise ValueError("load_state_dict: the weights are of another model: "
                             f"missing {missing}, not expected {extra}")
        for name, p in mine.items():
            new = state[name]
            if not isinstance(new, (np.ndarray, np.generic)):
                raise TypeError(f"load_state_dict: {name} must be an array, got "
                                f"{type(new).__name__}")
            if (new.shape, new.dtype) != (p.value.shape, p.value.dtype):
                raise ValueError(
                    f"load_state_dict: {name} is {p.value.dtype} {p.value.shape} "
                    f"in the model but {new.dtype} {new.shape} in the weights")
        for name, p in mine.items():
            p.value = state[name].copy()


class Sequential(Module):
    """Call layers and ops one after another; send the gradient back in reverse.

    Takes Modules and plain ops of one array, such as `relu`. An op with options is
    passed with functools.partial. Raises TypeError for what cannot be called.
    """

    def __init__(self, *layers):
        for k, layer in enumerate(layers):
            if not callable(layer):
                raise TypeError(f"Sequential: layer {k} must be a Module or an op, got "
                                f"{type(layer).__name__}")
        self.layers = list(layers)

    def __call__(self, x):
        backwards = []
        for layer in self.layers:
            x, layer_backward = layer(x)
            backwards.append(layer_backward)

        def backward(dy):
            for layer_backward in reversed(backwards):
                dy = layer_backward(dy)
            return dy

        return x, backward
