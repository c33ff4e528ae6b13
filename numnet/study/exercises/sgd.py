"""Take one step of gradient descent with momentum.

w is a weight, v its velocity and dw its gradient; α = lr, μ = momentum and
λ = weight_decay. The step returns the new w and the new v.
"""

from numnet.module import Parameter
from numnet.optim import SGD


def sgd(w, v, dw, *, lr, momentum, weight_decay):
    g = dw + weight_decay * w                        # (sgd.1)
    v = momentum * v + g                             # (sgd.2)
    w = w - lr * v                                   # (sgd.3)
    return w, v


LESSON = 4
RESULTS = ("w", "v")
SHAPES = {"w": "i o", "v": "i o", "dw": "i o"}
CASES = {"momentum alone": {"i": 3, "o": 4, "lr": 0.07, "momentum": 0.9,
                            "weight_decay": 0.0},
         "weight decay too": {"i": 5, "o": 2, "lr": 0.3, "momentum": 0.6,
                              "weight_decay": 0.11},
         "weight decay alone": {"i": 2, "o": 3, "lr": 0.13, "momentum": 0.0,
                                "weight_decay": 0.7}}
HINTS = {
    "v": ("sgd.2", "The velocity keeps its share, momentum, of what it was, and gains "
                   "g, which is dw and the share weight_decay of w."),
    "w": ("sgd.3", "The weight moves by lr against the new velocity, not against dw."),
}
MISTAKES = [
    ("momentum * v + g", "momentum * v + (1 - momentum) * g",
     "the gradient is damped by 1 - momentum; here all of it is added"),
    ("momentum * v + g", "momentum * v + lr * g",
     "lr is in the velocity: it multiplies the velocity when the step is taken"),
    ("w - lr * v", "w - (v - g + lr * g)",
     "lr is in the velocity: it multiplies the velocity when the step is taken"),
    ("w - lr * v", "w + lr * v", "it steps uphill: subtract"),
    ("w - lr * v", "w - lr * g", "it steps along the gradient, past the velocity"),
]


def reference(w, v, dw, *, lr, momentum, weight_decay):
    weight = Parameter(w)
    weight.grad = dw
    optimiser = SGD([weight], lr, momentum, weight_decay)
    optimiser.velocity = [v.copy()]
    optimiser.step()
    return weight.value, optimiser.velocity[0]
