"""Optimisers: how a weight moves, given its gradient; clipping and schedules."""

import numpy as np

from numnet.module import Parameter
from numnet.shapes import expect_real, whole


class SGD:
    r"""Step against the gradient, with momentum.

    (sgd.1)  g = dw + \lambda\, w
    (sgd.2)  v \leftarrow \mu\, v + g
    (sgd.3)  w \leftarrow w - \alpha\, v

    w each parameter's value, dw its gradient, v its velocity (0 at first); α = lr,
    μ = momentum, λ = weight_decay. As in PyTorch the learning rate multiplies the
    velocity, not the gradient. Values are replaced, not written into; the velocities
    are SGD's own, and are.
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
        for p, v in zip(self.parameters, self.velocity):
            expect_gradient("SGD", p)
            g = p.grad + weight_decay * p.value if weight_decay else p.grad  # (sgd.1)
            v *= momentum
            v += g                                               # (sgd.2)
            p.value = p.value - lr * v                           # (sgd.3)

    def state_dict(self):
        """A dict from name to array: all that a later step depends on."""
        return {f"velocity.{k}": v.copy() for k, v in enumerate(self.velocity)}

    def load_state_dict(self, state):
        """Take over the velocities; raises ValueError when they are another model's."""
        expect_state("SGD", self.state_dict(), state)
        self.velocity = [state[f"velocity.{k}"].copy()
                         for k in range(len(self.velocity))]


class Adam:
    r"""Step by the mean gradient over its usual size, each weight by itself.

    (adam.1)  m \leftarrow \beta_1\, m + (1 - \beta_1)\, dw
    (adam.2)  v \leftarrow \beta_2\, v + (1 - \beta_2)\, dw^2
    (adam.3)  u = \frac{m / (1 - \beta_1^k)}{\sqrt{v / (1 - \beta_2^k)} + \epsilon}
    (adam.4)  w \leftarrow w - \alpha\, (u + \lambda\, w)

    w each parameter's value, dw its gradient, m and v running means (0 at first), k the
    number of the step from 1; α = lr, β = betas, ε = eps, λ = weight_decay. The decay
    acts on the weight, not through its gradient: with it, this is PyTorch's AdamW.
    Values are replaced, not written into; m and v are Adam's own, and are. ε is above
    0: a weight that never had a gradient would move by 0 / 0. Raises ValueError as SGD.
    Source: Kingma and Ba 2015, algorithm 1 (arXiv 1412.6980); Loshchilov and Hutter
    2019, algorithm 2 (arXiv 1711.05101).
    """

    def __init__(self, parameters, lr=1e-3, betas=(0.9, 0.999), eps=1e-8,
                 weight_decay=0.0):
        expect_setting("Adam", "lr", lr)
        if not isinstance(betas, (tuple, list, np.ndarray)):
            raise TypeError(f"Adam: betas must be two numbers, got {betas!r}")
        if len(betas) != 2:
            raise ValueError(f"Adam: betas must be two numbers, got {betas}")
        expect_setting("Adam", "betas[0]", betas[0], below=1)
        expect_setting("Adam", "betas[1]", betas[1], below=1)
        expect_setting("Adam", "eps", eps, above=0)
        expect_setting("Adam", "weight_decay", weight_decay)
        self.parameters = distinct("Adam", parameters)
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.steps = 0
        self.m = [np.zeros_like(p.value) for p in self.parameters]
        self.v = [np.zeros_like(p.value) for p in self.parameters]

    def step(self):
        self.steps += 1
        lr, weight_decay, eps = map(float, (self.lr, self.weight_decay, self.eps))
        b1, b2 = map(float, self.betas)              # as in SGD
        for p, m, v in zip(self.parameters, self.m, self.v):
            expect_gradient("Adam", p)
            dw, w = p.grad, p.value
            m *= b1
            m += (1 - b1) * dw                                   # (adam.1)
            v *= b2
            v += (1 - b2) * dw * dw                              # (adam.2)
            size = np.sqrt(v / (1 - b2 ** self.steps)) + eps
            u = m / (1 - b1 ** self.steps) / size                # (adam.3)
            u = u + weight_decay * w if weight_decay else u
            p.value = w - lr * u                                 # (adam.4)

    def state_dict(self):
        """A dict from name to array: all that a later step depends on."""
        return {"steps": np.array(self.steps),
                **{f"m.{k}": m.copy() for k, m in enumerate(self.m)},
                **{f"v.{k}": v.copy() for k, v in enumerate(self.v)}}

    def load_state_dict(self, state):
        """Take over the state; raises ValueError when it is another model's."""
        expect_state("Adam", self.state_dict(), state)
        self.steps = int(state["steps"])
        self.m, self.v = ([state[f"{name}.{k}"].copy() for k in range(len(self.m))]
                          for name in ("m", "v"))


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
    scale = float(max_norm) / (g + 1e-6)
    if np.isfinite(g) and scale < 1:
        for p in parameters:
            p.grad = p.grad * scale                              # (clip_grad_norm.2)
    return g


def cosine(step, steps, warmup=0, hold=0):
    r"""Let the learning rate rise, hold, and fall to zero along half a cosine wave.

    (cosine.1)  f = \frac{k + 1}{W} \quad (k < W)
    (cosine.2)  f = \frac{1}{2}\Big(1 + \cos \pi \frac{k-H}{K-H}\Big) \quad (k \ge H)

    k = step (0, 1, …), K = steps, W = warmup, H = hold, all counts of steps   →   f,
    the factor for the learning rate, 1 between W and H. Raises ValueError unless
    0 <= warmup, hold < steps, TypeError for what is no whole number. Source: Loshchilov
    and Hutter 2017, equation 5 (arXiv 1608.03983), one period; the warm-up is Goyal et
    al. 2017's.
    """
    step, warmup, hold = (whole("cosine", name, count, 0) for name, count in (
        ("step", step), ("warmup", warmup), ("hold", hold)))
    steps = whole("cosine", "steps", steps, 1)
    if max(warmup, hold) >= steps:
        raise ValueError(f"cosine: warmup and hold must be less than {steps} steps, "
                         f"got {warmup} and {hold}")
    if step > steps:
        raise ValueError(f"cosine: step must be in 0..{steps}, got {step}")
    if step < warmup:
        return (step + 1) / warmup                               # (cosine.1)
    hold = max(hold, warmup)
    if step < hold:
        return 1.0
    share = (step - hold) / (steps - hold)
    return 0.5 * (1 + float(np.cos(np.pi * share)))              # (cosine.2)


def distinct(op, parameters):
    """The parameters as a list; refuses none at all and one that is given twice."""
    strange = ([parameters] if not isinstance(parameters, (list, tuple)) else
               [p for p in parameters if not isinstance(p, Parameter)])
    if strange:
        raise TypeError(f"{op}: parameters must be a list of Parameters, got "
                        f"{type(strange[0]).__name__}")
    parameters = list(parameters)
    if not parameters or len({id(p) for p in parameters}) < len(parameters):
        raise ValueError(f"{op}: parameters must be at least one, each given once")
    return parameters


def expect_setting(op, name, value, below=np.inf, above=None):
    """Refuse a setting that is not a number from 0 (or above `above`) up to `below`."""
    expect_real(op, name, value)
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
