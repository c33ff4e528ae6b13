"""Sequences, attention and whole networks beside PyTorch's, with the same weights.

As in test_parity_torch: values and every gradient, in float64.
"""

import numpy as np
import pytest
from beside_pytorch import compare, draw

import numnet
from numnet import (LSTM, RNN, Conv2d, DecoderBlock, Embedding, EncoderBlock, LayerNorm,
                    Linear, MultiHeadAttention, Sequential, mask_of, relu)
from numnet.models import fusion_classifier

torch = pytest.importorskip("torch", reason=(
    "PyTorch is not installed: no recurrent or attending op, no layer and no network "
    "was compared with its"))
F = torch.nn.functional
rng = np.random.default_rng
N, T, I, O = 3, 4, 2, 5                              # noqa: E741
LENGTHS = np.array([2, 4, 1])
IDS = np.array([[3, 0, 3, 5], [3, 2, 0, 0], [5, 5, 2, 3]])


def plain(p, x, name=""):
    return F.linear(x, p[f"{name}w"].T, p[f"{name}b"])


@pytest.mark.parametrize("layer, theirs, given", [
    (Linear(3, 4, rng(0)), plain, draw(7, (2, 5, 3))),
    (Conv2d(3, 4, (2, 5), rng(0), stride=(2, 1), padding=(0, 2)),
     lambda p, x: F.conv2d(x, p["w"], p["b"], (2, 1), (0, 2)), draw(7, (2, 3, 6, 7))),
    (LayerNorm(5), lambda p, x: F.layer_norm(x, (5,), p["w"], p["b"]),
     draw(7, (2, 3, 5))),
    (Embedding(7, 5, rng(0)), lambda p, ids: F.embedding(ids, p["w"]), [IDS]),
    (Sequential(Linear(3, 4, rng(0)), relu, Linear(4, 2, rng(0))),
     lambda p, x: plain(p, F.relu(plain(p, x, "layers.0.")), "layers.2."),
     draw(7, (5, 3)))],
    ids=["Linear", "Conv2d", "LayerNorm", "Embedding", "Sequential"])
def test_a_layer_is_pytorchs(layer, theirs, given):
    compare(layer, theirs, *given)


# ---- recurrent ----------------------------------------------------------------------

def recurrent(kind, lengths, wx, wh, b, x, *state):
    """PyTorch's RNN or LSTM on packed sequences; an ended one keeps its state.

    Its weights are transposed, and it has a second bias, which is 0 here.
    """
    module = getattr(torch.nn, kind)(I, O, batch_first=True).double()
    weights = {"weight_ih_l0": wx.T, "weight_hh_l0": wh.T, "bias_ih_l0": b,
               "bias_hh_l0": torch.zeros_like(b)}
    state = tuple(part[None] for part in state) or None
    if kind == "RNN" and state:
        state, = state
    given = x if lengths is None else torch.nn.utils.rnn.pack_padded_sequence(
        x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    y, last = torch.func.functional_call(module, weights, (given, state))
    h, c = last if kind == "LSTM" else (last, None)
    if lengths is not None:
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, batch_first=True)
        there = torch.tensor(np.arange(T) < lengths[:, None])[:, :, None]
        y = torch.where(there, y, h[0][:, None])
    return (y, c[0]) if kind == "LSTM" else y


@pytest.mark.parametrize("lengths", [None, LENGTHS, np.array([4, 4, 4])], ids=str)
@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("op, kind, gates", [
    (numnet.rnn, "RNN", 1), (numnet.lstm, "LSTM", 4)])
def test_rnn_and_lstm_are_pytorchs_and_lengths_its_packed_sequences(op, kind, gates,
                                                                    given, lengths):
    state = [(N, O)] * given * (2 if kind == "LSTM" else 1)
    args = draw(0, (N, T, I), (I, gates * O), (O, gates * O), gates * O, *state)
    compare(op, lambda x, wx, wh, b, *state: recurrent(
        kind, lengths, wx, wh, b, x, *state), *args, lengths=lengths)


@pytest.mark.parametrize("layer", [RNN, LSTM])
def test_a_recurrent_layer_is_pytorchs(layer):
    kind = layer.__name__

    def theirs(p, x):
        y = recurrent(kind, LENGTHS, p["wx"], p["wh"], p["b"], x)
        return y if kind == "RNN" else y[0]

    compare(layer(I, O, rng(0)), theirs, *draw(0, (N, T, I)), lengths=LENGTHS)


# ---- attention ----------------------------------------------------------------------

MASK = np.arange(48).reshape(2, 1, 4, 6) % 5 > 1
MASK[1, 0, 2] = False                                # this query may look at nothing


def attended(q, k, v, bias=None, *, mask=None, causal=False):
    """PyTorch's attention takes a mask or a bias or causal: here, one that is all."""
    if causal:
        past = np.tri(4, 6, dtype=bool)
        mask = past if mask is None else mask & past
    if mask is not None:
        may = torch.tensor(mask)
        bias = may if bias is None else bias.masked_fill(~may, -torch.inf)
    return F.scaled_dot_product_attention(q, k, v, bias)


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("options", [
    {}, {"mask": MASK}, {"causal": True}, {"mask": MASK, "causal": True},
    {"mask": MASK[0, 0]}, {"mask": np.zeros((4, 6), bool)}],
    ids=["plain", "mask", "causal", "mask and causal", "one mask for all", "all dead"])
def test_attention_is_pytorchs_dead_rows_too(options, biased):
    args = draw(1, (2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 7), *[(2, 3, 4, 6)] * biased)
    compare(numnet.attention, lambda *args: attended(*args, **options), *args,
            **options)


def test_a_bias_of_minus_infinity_is_pytorchs_a_whole_row_too():
    q, k, v, bias = draw(1, (2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 7), (2, 3, 4, 6))
    bias = np.where(MASK, bias, -np.inf)
    compare(numnet.attention, attended, q, k, v, bias)


def heads(p, x, memory, width, heads, keys=None, causal=False):
    """PyTorch's MultiheadAttention; its masks are True where one may not look."""
    module = torch.nn.MultiheadAttention(width, heads, batch_first=True,
                                         kdim=memory.shape[2], vdim=memory.shape[2])
    weights = {"in_proj_bias": torch.cat([p["q.b"], p["k.b"], p["v.b"]]),
               "out_proj.weight": p["o.w"].T, "out_proj.bias": p["o.b"]}
    if memory.shape[2] == width:
        weights["in_proj_weight"] = torch.cat([p[f"{name}.w"].T for name in "qkv"])
    else:
        weights |= {f"{name}_proj_weight": p[f"{name}.w"].T for name in "qkv"}
    options = {"need_weights": False}
    if keys is not None:
        options["key_padding_mask"] = torch.tensor(~keys)
    if causal:
        options["attn_mask"] = ~torch.ones(
            x.shape[1], memory.shape[1], dtype=torch.bool).tril()
    y, _ = torch.func.functional_call(module.double(), weights, (x, memory, memory),
                                      options)
    return y


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_multi_head_attention_to_oneself_is_pytorchs(masked, causal):
    mask = mask_of(LENGTHS, T) if masked else None
    compare(MultiHeadAttention(6, 2, rng(0)), lambda p, x: heads(
        p, x, x, 6, 2, mask[:, 0, 0] if masked else None, causal),
        *draw(2, (N, T, 6)), mask=mask, causal=causal)


def test_multi_head_attention_to_a_memory_of_another_width_is_pytorchs():
    mask = mask_of(np.array([7, 2, 3]), 7)
    mask[1] = False                                  # nothing to look at
    compare(MultiHeadAttention(6, 3, rng(0), 8), lambda p, x, memory: heads(
        p, x, memory, 6, 3, mask[:, 0, 0]), *draw(3, (N, T, 6), (N, 7, 8)), mask=mask)


# ---- networks -----------------------------------------------------------------------

def block_weights(p, attentions, norms, feedforward):
    """The weights of a block of PyTorch, from those of one of numnet.

    attentions, norms: their name there, and here.
    """
    weights = {}
    for theirs, ours in attentions.items():
        parts = [p[f"{ours}.{name}.w"].T for name in "qkv"]
        weights[f"{theirs}.in_proj_weight"] = torch.cat(parts)
        weights[f"{theirs}.in_proj_bias"] = torch.cat(
            [p[f"{ours}.{name}.b"] for name in "qkv"])
        weights[f"{theirs}.out_proj.weight"] = p[f"{ours}.o.w"].T
        weights[f"{theirs}.out_proj.bias"] = p[f"{ours}.o.b"]
    for theirs, ours in norms.items():
        weights[f"{theirs}.weight"] = p[f"{ours}.w"]
        weights[f"{theirs}.bias"] = p[f"{ours}.b"]
    for theirs, ours in (("linear1", 0), ("linear2", 2)):
        weights[f"{theirs}.weight"] = p[f"{feedforward}.layers.{ours}.w"].T
        weights[f"{theirs}.bias"] = p[f"{feedforward}.layers.{ours}.b"]
    return weights


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=str)
def test_an_encoder_block_is_pytorchs_with_the_norm_first(lengths):
    module = torch.nn.TransformerEncoderLayer(6, 2, 5, dropout=0.0, batch_first=True,
                                              norm_first=True, dtype=torch.float64)
    mask = None if lengths is None else mask_of(lengths, T)
    options = {} if lengths is None else {
        "src_key_padding_mask": torch.tensor(~mask[:, 0, 0])}

    def theirs(p, x):
        weights = block_weights(
            p, {"self_attn": "attention.layer"},
            {"norm1": "attention.norm", "norm2": "feedforward.norm"},
            "feedforward.layer")
        return torch.func.functional_call(module, weights, (x,), options)

    compare(EncoderBlock(6, 2, 5, rng(0)), theirs, *draw(4, (N, T, 6)), mask=mask)


@pytest.mark.parametrize("lengths", [None, np.array([2, 7, 3])], ids=str)
def test_a_decoder_block_is_pytorchs_with_the_norm_first(lengths):
    module = torch.nn.TransformerDecoderLayer(6, 2, 5, dropout=0.0, batch_first=True,
                                              norm_first=True, dtype=torch.float64)
    mask = None if lengths is None else mask_of(lengths, 7)
    options = {"tgt_mask": ~torch.ones(T, T, dtype=torch.bool).tril()}
    if lengths is not None:
        options["memory_key_padding_mask"] = torch.tensor(~mask[:, 0, 0])

    def theirs(p, x, memory):
        weights = block_weights(
            p, {"self_attn": "past.layer", "multihead_attn": "memory.layer"},
            {"norm1": "past.norm", "norm2": "memory.norm", "norm3": "feedforward.norm"},
            "feedforward.layer")
        return torch.func.functional_call(module, weights, (x, memory), options)

    compare(DecoderBlock(6, 2, 5, rng(0)), theirs, *draw(5, (N, T, 6), (N, 7, 6)),
            mask=mask)


def test_a_fusion_classifier_is_the_network_that_one_would_write_in_pytorch():
    images, = draw(6, (2, 3, 8, 10))
    ids, lengths = np.array([[2, 3, 0], [4, 2, 5], [3, 0, 0]]), np.array([2, 3, 1])
    image, question = np.array([0, 1, 1, 0, 1]), np.array([1, 0, 2, 2, 1])

    def theirs(p):
        x = torch.tensor(images)
        for k in (0, 3):
            w, b = (p[f"image_encoder.layers.{k}.{name}"] for name in "wb")
            x = F.max_pool2d(F.relu(F.conv2d(x, w, b, padding=1)), 2)
        linear = lambda x, name: F.linear(x, p[f"{name}.w"].T, p[f"{name}.b"])
        u = F.relu(linear(x.amax(dim=(2, 3)), "image_encoder.layers.7"))
        words = F.embedding(torch.tensor(ids), p["text_encoder.embedding.w"])
        reader = torch.nn.RNN(4, 6, batch_first=True).double()
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            words, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
        w = [p[f"text_encoder.reader.{name}"] for name in ("wx", "wh", "b")]
        _, h = torch.func.functional_call(reader, {
            "weight_ih_l0": w[0].T, "weight_hh_l0": w[1].T, "bias_ih_l0": w[2],
            "bias_hh_l0": torch.zeros_like(w[2])}, (packed,))
        y = torch.cat([u[torch.tensor(image)], h[0][torch.tensor(question)]], dim=1)
        return linear(F.relu(linear(y, "head.layers.0")), "head.layers.2")

    model = fusion_classifier(6, 5, rng(0), channels=(4, 3), features=7,
                              embedding_dim=4, hidden_size=6, head=9)
    compare(model, theirs, images=images, ids=ids, lengths=lengths, image=image,
            question=question)
