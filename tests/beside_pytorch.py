"""How something of numnet is compared with PyTorch's, where that is installed."""

import numpy as np

from numnet import Module

BAR = 1e-10                            # of the difference, absolute and relative


def draw(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def tensor(array):
    """A tensor of the same numbers, that asks for a gradient where it can have one."""
    import torch
    array = torch.from_numpy(np.array(array))
    return array.requires_grad_() if array.is_floating_point() else array


def assert_same(ours, theirs):
    theirs = theirs.detach().numpy()
    assert np.shape(ours) == theirs.shape and np.asarray(ours).dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=BAR, atol=BAR)


def compare(ours, theirs, *args, **options):
    """Compare an op's or a layer's values and gradients with those of `theirs`.

    theirs takes tensors of the positional arrays, and of a layer first its weights, as
    a dict by their names here.
    """
    import torch
    weights = ours.named_parameters() if isinstance(ours, Module) else {}
    for p, drawn in zip(weights.values(), draw(9, *[p.value.shape
                                                    for p in weights.values()])):
        p.value = 0.5 * drawn
        p.zero_grad()
    given = {name: tensor(p.value) for name, p in weights.items()}
    tensors = [tensor(arg) for arg in args]
    expected = theirs(*[given] * bool(weights), *tensors)
    y, backward = ours(*args, **options)

    values = y if isinstance(y, tuple) else (y,)
    expected = expected if isinstance(expected, tuple) else (expected,)
    dys = draw(8, *[np.shape(value) for value in values])
    grads = backward(*dys)
    grads = [*(grads if isinstance(grads, tuple) else (grads,)),
             *[p.grad for p in weights.values()]]
    asked = [each for each in [*tensors, *given.values()] if each.requires_grad]
    grads = [grad for grad in grads if grad is not None]
    theirs = torch.autograd.grad(expected, asked, [torch.tensor(dy) for dy in dys])
    for one, other in zip([*values, *grads], [*expected, *theirs], strict=True):
        assert_same(one, other)
