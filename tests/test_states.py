import numpy as np

from numnet import last_step, mean_step


def test_last_step_keeps_the_last_state_alone():
    h = np.arange(24.0).reshape(2, 4, 3)
    y, backward = last_step(h)
    np.testing.assert_array_equal(y, [[9, 10, 11], [21, 22, 23]])
    dh = backward(y)
    assert not dh[:, :3].any()
    np.testing.assert_array_equal(dh[:, 3], y)


def test_mean_step_counts_the_steps_of_each_sequence_alone():
    h = np.arange(24.0).reshape(2, 4, 3)
    y, backward = mean_step(h, lengths=np.array([2, 4]))
    np.testing.assert_array_equal(y, [[1.5, 2.5, 3.5], [16.5, 17.5, 18.5]])
    dh = backward(np.array([[2.0, 4, 6], [8, 12, 16]]))
    np.testing.assert_array_equal(dh[0], [[1, 2, 3], [1, 2, 3], [0, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(dh[1], [[2, 3, 4]] * 4)


def test_what_is_not_finite_in_the_padding_spoils_no_mean():
    h = np.ones((2, 3, 4))
    h[0, 1:] = np.nan
    y, _ = mean_step(h, lengths=np.array([1, 3]))
    np.testing.assert_array_equal(y, np.ones((2, 4)))
