"""Optimisers, clipping and the schedule beside PyTorch's, over several steps."""

import numpy as np
import pytest
from beside_pytorch import assert_same, draw

from numnet import SGD, Adam, Parameter, clip_grad_norm, cosine

torch = pytest.importorskip("torch", reason=(
    "PyTorch is not installed: no step of an optimiser was compared with its"))

SHAPES = [(3, 4), (5,), (), (2, 3, 2, 4)]
RATES = (0.1, 0.1, 0.05, 0.2, 0.1, 0.1)              # it may change between two steps


def both(make, make_theirs, factor=1.0, max_norm=None):
    """Six steps of an optimiser and of PyTorch's, each with gradients of its own."""
    ours = [Parameter(value) for value in draw(0, *SHAPES)]
    theirs = [torch.tensor(p.value, requires_grad=True) for p in ours]
    optimizer, theirs_optimizer = make(ours), make_theirs(theirs)
    for step, lr in enumerate(RATES):
        for p, tensor, grad in zip(ours, theirs, draw(step + 1, *SHAPES)):
            p.grad = factor * grad
            tensor.grad = torch.tensor(factor * grad)
        if max_norm:
            norm = clip_grad_norm(ours, max_norm)
            assert_same(norm, torch.nn.utils.clip_grad_norm_(theirs, max_norm))
            for p, tensor in zip(ours, theirs):
                assert_same(p.grad, tensor.grad)
        optimizer.lr = theirs_optimizer.param_groups[0]["lr"] = lr
        optimizer.step()
        theirs_optimizer.step()
        for p, tensor in zip(ours, theirs):
            assert_same(p.value, tensor)


@pytest.mark.parametrize("momentum", [0.0, 0.9, 0.5])
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_sgd_is_pytorchs(momentum, weight_decay):
    options = {"lr": 0.1, "momentum": momentum, "weight_decay": weight_decay}
    both(lambda p: SGD(p, **options), lambda p: torch.optim.SGD(p, **options))


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.8), (0.0, 0.9)])
@pytest.mark.parametrize("eps", [1e-8, 0.3])
@pytest.mark.parametrize("factor", [1.0, 1e-9])      # beside which eps is felt
def test_adam_is_pytorchs(betas, eps, factor):
    options = {"betas": betas, "eps": eps}
    both(lambda p: Adam(p, **options), lambda p: torch.optim.Adam(p, **options), factor)


@pytest.mark.parametrize("weight_decay", [0.01, 0.5])
def test_adam_with_weight_decay_is_pytorchs_adamw(weight_decay):
    both(lambda p: Adam(p, weight_decay=weight_decay),
         lambda p: torch.optim.AdamW(p, weight_decay=weight_decay))


@pytest.mark.parametrize("max_norm", [1e-3, 1.0, 7.0, 1e3])
def test_clipping_is_pytorchs(max_norm):
    both(lambda p: SGD(p, 0.1), lambda p: torch.optim.SGD(p, 0.1), max_norm=max_norm)


@pytest.mark.parametrize("steps", [3, 7, 100])
def test_cosine_is_pytorchs_annealing_to_0(steps):
    optimizer = torch.optim.SGD([torch.zeros(2, requires_grad=True)], lr=0.25)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for k in range(steps + 1):
        np.testing.assert_allclose(0.25 * cosine(k, steps), schedule.get_last_lr()[0],
                                   rtol=1e-10, atol=1e-15)
        optimizer.step()
        schedule.step()
