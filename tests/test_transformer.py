import numpy as np

from numnet import (DecoderBlock, EncoderBlock, Parameter, Residual, Sequential,
                    feedforward, mask_of)
from numnet.study.spread import shaken, spread

N, T, U, WIDTH, MEMORY = 3, 4, 7, 6, 5


def rng():
    return np.random.default_rng(0)


def encoder():
    return shaken(EncoderBlock(WIDTH, 2, 9, rng()), rng())


def decoder():
    return shaken(DecoderBlock(WIDTH, 3, 9, rng(), MEMORY), rng())


X, XTOO = spread(rng(), 2, N, T, WIDTH)
SEEN, SEENTOO = spread(rng(), 2, N, U, MEMORY)


def test_a_residual_adds_to_x_what_its_layer_makes_of_the_normed_x():
    heard = []

    def doubled(u):
        heard.append(u)
        return 2 * u, lambda dy: 2 * dy

    block = Residual(WIDTH, doubled)
    y, backward = block(X)
    u = (X - X.mean(axis=-1, keepdims=True)) / np.sqrt(
        X.var(axis=-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(heard[0], u, rtol=1e-12)
    np.testing.assert_allclose(y, X + 2 * u, rtol=1e-12)
    _, norm_backward = block.norm(X)
    np.testing.assert_allclose(backward(XTOO), XTOO + norm_backward(2 * XTOO))


def test_where_a_layer_says_nothing_values_and_gradients_go_straight_past():
    block = encoder()
    for name, p in block.named_parameters().items():
        if ".o." in name or "layers.2" in name:
            p.value = np.zeros_like(p.value)
    y, backward = block(X)
    np.testing.assert_array_equal(y, X)
    np.testing.assert_array_equal(backward(XTOO), XTOO)


def test_a_feedforward_changes_each_step_by_itself():
    layers = feedforward(WIDTH, 9, rng())
    assert isinstance(layers, Sequential)
    y, _ = layers(X)
    assert y.shape == X.shape
    np.testing.assert_allclose(layers(X[:, 2])[0], y[:, 2], rtol=1e-12)


def test_without_positions_an_encoder_knows_no_order():
    order = [2, 0, 3, 1]
    np.testing.assert_allclose(encoder()(X[:, order])[0], encoder()(X)[0][:, order],
                               rtol=1e-11)


def test_an_encoder_lets_every_step_see_every_other():
    _, backward = encoder()(X)
    for t in range(T):
        dx = backward(np.where(np.arange(T)[:, None] == t, 1.0, 0) * X)
        assert dx.any(axis=(0, 2)).all()


def test_padding_has_no_say_in_an_encoder():
    lengths = np.array([2, 4, 3])
    padding = np.arange(T) >= lengths[:, None]
    other = np.where(padding[:, :, None], XTOO, X)
    mask = mask_of(lengths, T)
    (y, backward), (same, _) = encoder()(X, mask=mask), encoder()(other, mask=mask)
    np.testing.assert_array_equal(y[~padding], same[~padding])
    dx = backward(np.where(padding[:, :, None], 0.0, XTOO))
    assert not dx[padding].any() and dx[~padding].all()


def test_a_decoder_sees_no_step_that_is_still_to_come():
    block = decoder()
    y, backward = block(X, SEEN)
    for t in range(T):
        other = np.concatenate([X[:, :t + 1], XTOO[:, t + 1:]], axis=1)
        np.testing.assert_allclose(block(other, SEEN)[0][:, :t + 1], y[:, :t + 1],
                                   rtol=1e-12)
        dx, _ = backward(np.where(np.arange(T)[:, None] == t, 1.0, 0) * XTOO)
        assert dx[:, :t + 1].all() and not dx[:, t + 1:].any()


def test_a_decoder_sees_the_cells_of_its_memory_that_are_not_hidden():
    lengths = np.array([2, 7, 3])
    hidden = np.arange(U) >= lengths[:, None]
    other = np.where(hidden[:, :, None], SEENTOO, SEEN)
    block, mask = decoder(), mask_of(lengths, U)
    (y, backward), (same, _) = block(X, SEEN, mask=mask), block(X, other, mask=mask)
    np.testing.assert_array_equal(y, same)
    _, dmemory = backward(XTOO)
    assert not dmemory[hidden].any() and dmemory[~hidden].all()


def test_the_weights_of_a_block_are_named_after_what_they_do():
    assert {name.split(".")[0] for name in decoder().named_parameters()} == {
        "past", "memory", "feedforward"}
    names = encoder().named_parameters()
    assert {"attention.norm.w", "attention.layer.q.w", "feedforward.layer.layers.0.w"
            } < set(names)
    assert all(isinstance(p, Parameter) for p in names.values())
