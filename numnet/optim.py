"""Optimisers: how a weight moves, given its gradient; clipping and schedules."""

import numpy as np


class SGD:
    r"""Step against the gradient, with momentum.

    (sgd.1)  g = dw + \lambda\, w
    (sgd.2)  v \leftarrow \mu\, v + g
    (sgd.3)  w \leftarrow w - \alpha\, v

    w each parameter's value, dw its gradient, v its velocity (0 at first); α = lr,
    μ = momentum, λ = weight_decay. As in PyTorch the learning rate multiplies the
    velocity, not the gradient. Values are replaced, not written into.
    Raises ValueError for a setting out of range or a parameter given twice.
    Source: Sutskever et al. 2013, section 2; PyTorch's form of it.
    """

    def __init__(self, parameters, lr, momentum=0.0, weight_decay=0.0):
        expect_setting("SGD", "lr", lr)
        expect_setting("SGD", "momentum", momentum, below=1)
        expect_setting("SGD", "weight_decay", weight_decay)
        self.parameters = distinct("SGD", parameters)
        self.lr, self.momentum, self.weight_decay = lr, momentum, weight_decay
        self.velocity = [np.zeros_like(p.value) for p in self.parameters]

    def step(self):
        # a NumPy float64 would turn float32 weights into float64, a Python float not
        lr, momentum = float(self.lr), float(self.momentum)
        weight_decay = float(self.weight_decay)
        for k, (p, v) in enumerate(zip(self.parameters, self.velocity)):
            expect_gradient("SGD", p)
            g = p.grad + weight_decay * p.value                  # (sgd.1)
            v = momentum * v + g                                 # (sgd.2)
            p.value = p.value - lr * v                           # (sgd.3)
            self.velocity[k] = v

    def state_dict(self):
        """A dict from name to array: all that a later step depends on."""
        return {f"velocity.{k}": v for k, v in enumerate(self.velocity)}

    def load_state_dict(self, state):
        """Take over the velocities; raises ValueError when they are another model's."""
        expect_state("SGD", self.state_dict(), state)
        self.velocity = [state[f"velocity.{k}"] for k in range(len(self.velocity))]


def clip_grad_norm(parameters, max_norm):
    r"""Shorten the gradient of all parameters together to at most max_norm.

    (clip_grad_norm.1)  g = \sqrt{\sum_{wk} dw_k^2}
    (clip_grad_norm.2)  dw_k \leftarrow dw_k\, \min\Big(1, \frac{m}{g + 10^{-6}}\Big)

    w runs over the parameters, k over a parameter's entries, m = max_norm. Returns the
    norm g before clipping, a float; a norm that is not finite is returned and nothing
    is changed. Raises ValueError when max_norm is not positive.
    Source: Pascanu et al. 2013, algorithm 1; the 10⁻⁶ is PyTorch's.
    """
    expect_setting("clip_grad_norm", "max_norm", max_norm, above=0)
    parameters = distinct("clip_grad_norm", parameters)
    squares = [np.vdot(p.grad, p.grad).real for p in parameters]
    g = float(np.sqrt(sum(squares)))                             # (clip_grad_norm.1)
    if np.isfinite(g):
        scale = min(1.0, float(max_norm) / (g + 1e-6))
        for p in parameters:
            p.grad = p.grad * scale                              # (clip_grad_norm.2)
    return g


def cosine(step, steps):
    r"""Let the learning rate fall from 1 to 0 along half a cosine wave.

    (cosine.1)  f = \frac{1}{2}\Big(1 + \cos \frac{\pi\, k}{K}\Big)

    k = step (0, 1, …), K = steps   →   f, the factor for the learning rate.
    Source: Loshchilov and Hutter 2017, equation 5 (arXiv 1608.03983), one period.
    """
    return 0.5 * (1 + float(np.cos(np.pi * step / steps)))       # (cosine.1)


def distinct(op, parameters):
    """The parameters as a list; refuses none at all and one that is given twice."""
    parameters = list(parameters)
    if not parameters or len({id(p) for p in parameters}) < len(parameters):
        raise ValueError(f"{op}: parameters must be at least one, each given once")
    return parameters


def expect_setting(op, name, value, below=np.inf, above=None):
    """Refuse a setting that is not a number from 0 (or above `above`) up to `below`."""
    if not (0 <= value < below) or above is not None and not value > above:
        least = "0 or more" if above is None else f"more than {above}"
        most = "" if below == np.inf else f" and less than {below}"
        raise ValueError(f"{op}: {name} must be {least}{most}, got {value}")


def expect_gradient(op, p):
    """Refuse a gradient of another shape than its value, which would broadcast."""
    if p.grad.shape != p.value.shape:
        raise ValueError(f"{op}: a parameter of shape {p.value.shape} "
                         f"has a gradient of shape {p.grad.shape}")


def expect_state(op, mine, state):
    """Refuse an optimiser's saved state unless names, shapes and dtypes agree."""
    if mine.keys() != state.keys() or any(
            (mine[k].shape, mine[k].dtype) != (state[k].shape, state[k].dtype)
            for k in mine):
        raise ValueError(f"{op}: the saved state is of another model")
