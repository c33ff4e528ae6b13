import numpy as np
import pytest

from numnet.shapes import (expect, expect_float, expect_ids, expect_one_of, expect_real,
                           pair, row_blocks, whole)

X = np.ones((2, 3, 5))


def test_the_same_letter_means_the_same_size():
    expect("op", x=(X, "n t i"), y=(X[0], "t i"), h=(np.ones((5, 5)), "i i"))
    expect("op", x=(X, "... i"), y=(X, "... o"), z=(X[:, :, 0], "..."))
    expect("op", x=(X[0, 0], "... i"))


def test_float32_float64_and_complex_numbers_are_taken():
    for dtype in ("f4", "f8", ">f4", "c8", "c16"):
        expect_float("op", "x", X.astype(dtype))


def test_ids_may_be_any_integers_in_range_and_one_besides():
    expect_ids("op", "ids", np.array([[0, 3], [2, 1]], np.uint8), None, 4)
    expect_ids("op", "ids", np.array([0, -1, 3]), (3,), 4, -1)
    expect_ids("op", "ids", np.zeros((0, 2), int), (0, 2), 4)


def test_numbers_may_be_pythons_or_numpys():
    assert whole("op", "k", 3, 1) == whole("op", "k", np.uint8(3), 1) == 3
    assert type(whole("op", "k", np.int64(3), 3)) is int
    for number in (0, 0.5, np.float32(0.5), np.int8(2), float("inf"), float("nan")):
        expect_real("op", "eps", number)
    expect_one_of("op", "side", "left", {"left": 1, "right": 2})


@pytest.mark.parametrize("numbers, step", [(1, 1), (6, 1), (13, 2), (18, 3), (99, 16)])
def test_blocks_hold_all_rows_in_order_and_at_most_so_many_numbers(numbers, step):
    x = np.arange(42).reshape(7, 2, 3)               # 6 numbers a row
    blocks = [x[rows] for rows in row_blocks(x, numbers)]
    assert np.array_equal(np.concatenate(blocks), x)
    assert {len(block) for block in blocks[:-1]} <= {step}
    assert len(blocks[0]) == min(step, 7)


def test_an_axis_is_told_by_its_name_and_its_letter():
    for letter, name in {"n": "examples", "c": "input channels", "o": "output features",
                         "i": "input features", "h": "rows", "w": "columns",
                         "t": "time steps", "u": "keys", "v": "table rows",
                         "k": "entries"}.items():
        message = rf"^op: y has 3 {name} \({letter}\) but x has 2$"
        with pytest.raises(ValueError, match=message):
            expect("op", x=(X[:, 0], f"{letter} j"), y=(X[0], f"{letter} j"))


def test_a_number_is_a_pair_of_itself():
    assert pair("op", "stride", 3, 1) == (3, 3)
    assert pair("op", "stride", (2, np.int64(1)), 1) == (2, 1)


BAD = [
    (lambda: expect("op", x=(X, "n t i"), w=(np.ones((4, 7)), "i o")), ValueError,
     r"op: w has 4 input features \(i\) but x has 5"),
    (lambda: expect("op", w=(np.ones((4, 7)), "o o")), ValueError,
     r"op: w has 7 output features \(o\) but w has 4"),
    (lambda: expect("op", x=(X, "n t")), ValueError,
     r"op: x must have axes \(n, t\), got shape \(2, 3, 5\)"),
    (lambda: expect("op", x=(X[0, 0], "... t i")), ValueError,
     r"op: x must have axes \(\.\.\., t, i\), got shape \(5,\)"),
    (lambda: expect("op", x=(X, "... i"), y=(X[:1], "... o")), ValueError,
     r"op: y has leading axes \(1, 3\) but x has \(2, 3\)"),
    (lambda: expect("op", x=([1.0], "i")), TypeError, "a NumPy array, got list"),
    (lambda: expect_float("op", "x", X.astype("f2")), TypeError, "got float16"),
    (lambda: expect_float("op", "x", X.astype("i8")), TypeError, "got int64"),
    (lambda: expect_float("op", "x", X > 0), TypeError, "got bool"),
    (lambda: expect_float("op", "x", X.astype(object)), TypeError, "got object"),
    (lambda: expect_ids("op", "ids", X, None, 4), TypeError, "integers, got float64"),
    (lambda: expect_ids("op", "ids", X > 0, None, 4), TypeError, "integers, got bool"),
    (lambda: expect_ids("op", "ids", 3, None, 4), TypeError, "integers, got int"),
    (lambda: expect_ids("op", "ids", np.array([1, 4]), None, 4), ValueError,
     r"op: ids must be in 0\.\.3, got 4"),
    (lambda: expect_ids("op", "ids", np.array([1, -2]), None, 4, -1), ValueError,
     r"op: ids must be in 0\.\.3, got -2"),
    (lambda: expect_ids("op", "ids", np.array([1, 2]), (2, 1), 4), ValueError,
     r"op: ids must have shape \(2, 1\), got \(2,\)"),
    (lambda: whole("op", "k", 0, 1), ValueError, "^op: k must be at least 1, got 0$"),
    (lambda: whole("op", "k", 2.0, 1), TypeError, "k must be a whole number, got 2.0"),
    (lambda: whole("op", "k", True, 1), TypeError, "a whole number, got True"),
    (lambda: whole("op", "k", np.True_, 1), TypeError, "a whole number, got np.True_"),
    (lambda: whole("op", "k", np.array([2]), 1), TypeError, "whole number, got array"),
    (lambda: expect_real("op", "eps", "1"), TypeError,
     "^op: eps must be a real number, got '1'$"),
    (lambda: expect_real("op", "eps", 1j), TypeError, "a real number, got 1j"),
    (lambda: expect_real("op", "eps", True), TypeError, "a real number, got True"),
    (lambda: expect_real("op", "eps", np.True_), TypeError, "a real number, got np.Tr"),
    (lambda: expect_real("op", "eps", np.ones(1)), TypeError, "number, got array"),
    (lambda: expect_one_of("op", "side", "up", ("left", "right")), ValueError,
     "^op: side must be one of left, right, got 'up'$"),
    (lambda: pair("op", "stride", 0, 1), ValueError, "op: stride must be at least 1"),
    (lambda: pair("op", "stride", (1, 0), 1), ValueError, r"at least 1, got \(1, 0\)"),
    (lambda: pair("op", "stride", 2.0, 1), TypeError, "stride must be a whole number"),
    (lambda: pair("op", "stride", True, 1), TypeError, "a pair of them, got True"),
    (lambda: pair("op", "stride", [1, 2], 1), TypeError, r"of them, got \[1, 2\]"),
    (lambda: pair("op", "stride", (1, 2, 3), 1), TypeError, r"them, got \(1, 2, 3\)"),
]


@pytest.mark.parametrize("call, error, message", BAD)
def test_the_message_names_the_argument_what_was_expected_and_what_came(
        call, error, message):
    with pytest.raises(error, match=message):
        call()
