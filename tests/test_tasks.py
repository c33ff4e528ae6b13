import numpy as np

from numnet import binary_cross_entropy, cross_entropy, mse
from numnet.models import joint_embedding
from numnet.tasks import ANSWER, Binary, Caption, Match, Measure


def assert_same(ours, expected):
    """The same loss, and the same gradients."""
    (loss, backward), (same, same_backward) = ours, expected
    assert loss == same
    np.testing.assert_array_equal(backward(), same_backward())


def test_an_answer_is_the_class_with_the_highest_score():
    z, label = np.array([[1.0, 5, 2], [4, 0, 3]]), np.array([1, 2])
    assert_same(ANSWER.loss(z, label), cross_entropy(z, label=label))
    assert ANSWER.read(z).tolist() == [1, 0]
    assert ANSWER.rating == "accuracy" and ANSWER.rate(ANSWER.read(z), label) == 0.5


def test_several_answers_about_a_picture_count_each_by_itself():
    z = np.eye(4)[np.array([[0, 1, 2], [3, 0, 1]])]  # (2, 3, 4)
    label = np.array([[0, 1, 1], [3, 1, 1]])
    assert_same(ANSWER.loss(z, label), cross_entropy(z, label=label))
    assert ANSWER.read(z).tolist() == [[0, 1, 2], [3, 0, 1]]
    assert ANSWER.rate(ANSWER.read(z), label) == 4 / 6


def test_yes_is_a_score_above_0():
    task, z, label = Binary(), np.array([[0.5], [-1], [0.0]]), np.array([1, 1, 0])
    assert_same(task.loss(z, label),
                binary_cross_entropy(z, target=np.array([[1.0], [1], [0]])))
    assert task.read(z).tolist() == [1, 0, 0]
    assert task.rating == "accuracy" and task.rate(task.read(z), label) == 2 / 3


def test_a_measure_is_the_number_said():
    task, z, label = Measure(), np.array([[1.0], [2], [6]]), np.array([1.0, 3, 5])
    assert_same(task.loss(z, label), mse(z, target=label[:, None]))
    assert task.read(z).tolist() == [1, 2, 6]
    assert task.rating == "R²" and task.rate(task.read(z), label) == 1 - 2 / 8


def test_a_match_is_the_text_closest_to_the_picture_and_the_loss_is_the_models():
    model = joint_embedding(7, np.random.default_rng(0), channels=(4, 6), width=8)
    task, u, v = Match(model), np.eye(3, 8), np.eye(3, 8)[[0, 2, 1]]
    assert task.read((u, v)).tolist() == [1, 0, 0]
    assert task.rating == "accuracy"
    assert task.rate(task.read((u, v)), np.ones(3, int)) == 1 / 3
    loss, backward = task.loss((u, v), np.ones(3, int))
    assert loss == model.loss(u, v)[0]
    du, dv = backward()
    assert du.shape == dv.shape == (3, 8) and np.any(model.s.grad)


def test_a_caption_is_right_when_all_its_words_are_and_padding_counts_nowhere():
    task, label = Caption(), np.array([[3, 1, 0], [2, 0, 0], [1, 2, 3]])
    z = 2 * np.eye(4)[np.array([[3, 1, 2], [1, 2, 3], [1, 2, 3]])]       # (3, 3, 4)
    said, words = task.read(z), label != 0
    assert said.tolist() == [[3, 1, 2], [1, 2, 3], [1, 2, 3]]
    assert task.rating == "exact" and task.rate(said, label) == 2 / 3
    assert task.count(label) == 6
    loss, backward = task.loss(z, label)
    same, same_backward = cross_entropy(z[words], label=label[words])
    np.testing.assert_allclose(loss, same, rtol=1e-15)
    dz = backward()
    assert not dz[~words].any()
    np.testing.assert_allclose(dz[words], same_backward(), rtol=1e-15)
