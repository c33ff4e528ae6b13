"""What cannot be is refused in one sentence, before anything is computed.

The table is in refusals/. Damaged files are in test_checkpoint, data/test_images and
data/test_easy_vqa, command lines in test_commands, each with what damages them.
"""

import numpy as np
import pytest
from refusals import ROWS

from numnet import Module
from numnet.study.cases import CASES


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.call)
def test_bad_input_is_refused_in_one_sentence(row):
    with pytest.raises(Exception) as caught:
        row.run()
    assert caught.type is row.error
    assert row.says(str(caught.value)), str(caught.value)


# ---- any op -------------------------------------------------------------------------

RNG = np.random.default_rng(0)
OPS = {}                               # one case of each op
for _name in CASES:
    _op = CASES[_name](RNG)[0]
    if not isinstance(_op, Module):
        OPS.setdefault(getattr(_op, "func", _op).__name__, _name)
KINDS = {"a list": np.ndarray.tolist, "objects": lambda x: x.astype(object),
         "text": lambda x: x.astype(str), "bytes": lambda x: x.astype(bytes),
         "bool": lambda x: x > 0, "whole numbers": lambda x: x.astype(np.int32),
         "uint8, as of a picture": lambda x: x.astype(np.uint8),
         "float16": lambda x: x.astype(np.float16),
         "dates": lambda x: x.astype(np.int64).astype("M8[D]"), "None": lambda x: None,
         "a masked array of objects": lambda x: np.ma.array(x.astype(object))}
WHOLE_TOO = ("cross_entropy", "binary_cross_entropy", "mse")     # taken as float64


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("op", OPS)
def test_an_op_takes_no_other_kind_of_array_in_any_place(op, kind):
    call, args, options = CASES[OPS[op]](np.random.default_rng(0))
    names = call.__code__.co_varnames if hasattr(call, "__code__") else (
        call.func.__code__.co_varnames)
    for k, arg in enumerate(args):
        other = [*args]
        other[k] = KINDS[kind](arg)
        whole = getattr(other[k], "dtype", np.dtype("f")).kind in "iu"
        if op in WHOLE_TOO and whole:
            call(*other, **options)
            continue
        with pytest.raises(TypeError, match=rf"^{op}: {names[k]} must .*, got "):
            call(*other, **options)


ANY_AXES = ("relu", "tanh", "sigmoid", "softmax", "flatten", "dropout")
ANY_LEADING = ("linear", "layer_norm", "l2_normalize")           # of their x


@pytest.mark.parametrize("op", [op for op in OPS if op not in ANY_AXES])
def test_an_op_takes_no_array_with_an_axis_too_many_in_any_place(op):
    call, args, options = CASES[OPS[op]](np.random.default_rng(0))
    for k in range(op in ANY_LEADING, len(args)):
        other = [*args]
        other[k] = args[k][None]
        with pytest.raises(ValueError, match=f"^{op}: "):
            call(*other, **options)
