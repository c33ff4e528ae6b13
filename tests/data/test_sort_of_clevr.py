import numpy as np
import pytest

from numnet.data import sort_of_clevr as soc
from numnet.optim import Adam
from numnet.scenes import HopNetwork
from numnet.training import fit, stream


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(0)
    center = soc.place(rng, 40)
    return center, rng.integers(0, 2, (40, 6))


def slow_picture(center, shape):
    """The picture, pixel by pixel."""
    image = np.full((75, 75, 3), 255, np.uint8)
    for (cx, cy), circle, color in zip(center.tolist(), shape, soc.COLORS.values()):
        for y in range(75):
            for x in range(75):
                dx, dy = abs(x - cx), abs(y - cy)
                if (dx * dx + dy * dy <= 28 if circle else max(dx, dy) <= 5):
                    image[y, x] = color
    return image


def slow_answer(question, center, shape):
    """The answer to a question, from its words."""
    words = question.rstrip("?").split()
    colors = list(soc.COLORS)
    this, = (k for k, color in enumerate(colors) if color in words)
    others = [k for k in range(6) if k != this]

    def distance(k):
        return sum((int(a) - int(b)) ** 2 for a, b in zip(center[k], center[this]))

    if "how" in words:
        return str(sum(shape[k] == shape[this] for k in others))
    if "left" in words or "top" in words:
        return "yes" if center[this][int("top" in words)] < 37.5 else "no"
    if "closest" in words:
        this = min(others, key=distance)
    if "furthest" in words:
        this = max(others, key=distance)
    return colors[this] if "color" in words else ("square", "circle")[shape[this]]


def test_pictures_are_those_of_a_slow_painter(made):
    for image, center, shape in zip(soc.draw(*made), *made):
        np.testing.assert_array_equal(image, slow_picture(center, shape))


def test_answers_are_those_that_the_words_of_the_question_ask_for(made):
    for label, center, shape in zip(soc.answer(*made), *made):
        assert [soc.ANSWERS[k] for k in label] == [
            slow_answer(question, center, shape) for question in soc.QUESTIONS]


def test_things_lie_in_the_picture_and_apart():
    center = soc.place(np.random.default_rng(1), 2000)
    assert center.min() == 5 and center.max() == 69
    gap = np.linalg.norm(center[:, :, None] - center[:, None], axis=-1)
    assert gap[gap > 0].min() == 11 and (gap == 0).sum() == 6 * 2000


def test_a_thing_is_not_its_own_closest_even_where_all_others_are_far():
    """As the published generator has it, from √999 = 31.6 pixels on."""
    center = np.array([[[5, 5], [69, 69], [69, 58], [58, 69], [69, 40], [40, 69]]])
    shape = np.array([[1, 0, 0, 0, 0, 0]])
    label = soc.answer(center, shape).reshape(8, 6)
    kinds = list(soc.KINDS)
    assert soc.ANSWERS[label[kinds.index("closest"), 0]] == "square"
    assert soc.ANSWERS[label[kinds.index("closest color"), 0]] == "gray"
    assert soc.ANSWERS[label[kinds.index("furthest color"), 0]] == "green"


def test_the_published_fault_would_spoil_some_per_cent_of_the_closest():
    rng = np.random.default_rng(2)
    center, shape = soc.place(rng, 20_000), rng.integers(0, 2, (20_000, 6))
    gap = soc.squared(center[:, :, None] - center[:, None])
    published = np.where(np.eye(6, dtype=bool), 999, gap).argmin(axis=-1)
    wrong = np.take_along_axis(shape, published, axis=1) != soc.answer(
        center, shape)[:, 18:24]
    assert 0.03 < wrong.mean() < 0.04


def test_questions_are_36_that_count_and_12_that_help_with_known_words():
    assert len(set(soc.QUESTIONS)) == 48 and soc.ASKED == 36
    assert len(set(soc.ANSWERS)) == 16
    assert all(soc.TOKENIZER.unknown(question) == [] for question in soc.QUESTIONS)


def test_a_fresh_batch_comes_from_its_key_alone_and_a_key_from_the_rng():
    fresh = soc.FreshScenes(5)
    keys = fresh.batches(3, stream("order", 0, 1))
    assert keys == soc.FreshScenes(5).batches(3, stream("order", 0, 1))
    assert keys != fresh.batches(3, stream("order", 0, 2))
    assert len(keys) == len(set(keys)) == len(fresh.batches(3)) == 5
    (inputs, label), (again, same) = fresh.batch(keys[2]), fresh.batch(keys[2])
    np.testing.assert_array_equal(label, same)
    np.testing.assert_array_equal(inputs["images"], again["images"])
    other, _ = fresh.batch(keys[3])
    assert (inputs["images"] != other["images"]).any()


def test_the_shares_of_a_fresh_batch_are_its_pictures():
    fresh = soc.FreshScenes(2)
    drawn = fresh.batches(5)[1]
    (whole, label), shares = fresh.batch(drawn), [drawn[0::2], drawn[1::2]]
    assert [len(share) for share in shares] == [3, 2] and len(drawn[5::2]) == 0
    for k, share in enumerate(shares):
        inputs, own = fresh.batch(share)
        np.testing.assert_array_equal(own, label[k::2])
        for name in "images", "question":
            np.testing.assert_array_equal(inputs[name], whole[name][k::2])


def test_a_batch_is_what_a_network_is_called_with():
    inputs, label = soc.FreshScenes(1).batch(soc.Drawn(0, 3, range(3)))
    assert inputs["images"].shape == (3, 3, 75, 75)
    assert inputs["images"].dtype == np.float32
    assert inputs["images"].min() == 0 and inputs["images"].max() == 1
    np.testing.assert_array_equal(inputs["question"], [range(48)] * 3)
    assert soc.TOKENIZER.decode(inputs["ids"][:1]) == [
        "what is the shape of the red object"]
    assert label.shape == (3, 48)


def test_fixed_scenes_give_each_picture_once_with_its_36_answers():
    scenes = soc.Scenes(np.random.default_rng(0), 10)
    keys = scenes.batches(4, np.random.default_rng(1))
    assert sorted(np.concatenate([scenes.rows(key) for key in keys])) == [*range(10)]
    for key in keys:
        inputs, label = scenes.batch(key)
        np.testing.assert_array_equal(label, scenes.label[scenes.rows(key)])
        assert inputs["question"].shape == label.shape == (len(key), 36)
    np.testing.assert_array_equal(np.concatenate(scenes.batches(4)), range(10))


def test_accuracies_are_counted_for_each_kind_and_family():
    label = soc.Scenes(np.random.default_rng(0), 10).label
    assert set(soc.accuracies(label, label).values()) == {1.0}
    predicted = label.copy()
    predicted[:, 18:24] += 1                         # all the closest
    predicted[:5, 0] += 1                            # half the shapes of the red
    shares = soc.accuracies(predicted, label)
    assert shares["closest"] == 0 and shares["count"] == 1
    assert shares["shape"] == pytest.approx(11 / 12)
    assert shares["relational"] == pytest.approx(2 / 3)
    assert shares["non-relational"] == pytest.approx(35 / 36)


def test_training_that_goes_on_gives_the_numbers_of_one_that_never_stopped():
    def network():
        model = HopNetwork(len(soc.TOKENIZER), len(soc.ANSWERS), stream("weights", 0),
                           channels=(2, 3, 4), width=8, heads=2, hops=2)
        return model, Adam(model.parameters(), lr=2e-3, betas=(0.9, 0.99))

    def train(model, optimizer, history=(), on_epoch=None):
        return fit(model, optimizer, soc.FreshScenes(2), soc.Scenes(stream("test"), 3),
                   epochs=2, batch_size=2, seed=0, warmup=0.25, hold=0.5,
                   history=history, on_epoch=on_epoch)

    def keep(history):
        if len(history) == 1:
            kept.append((list(history), model.state_dict(), optimizer.state_dict()))

    kept = []
    model, optimizer = network()
    whole = train(model, optimizer, on_epoch=keep)
    (history, weights, state), = kept
    other, optimizer = network()
    other.load_state_dict(weights)
    optimizer.load_state_dict(state)
    again = train(other, optimizer, history)
    for row in whole + again:
        row.pop("seconds", None)
    assert whole == again
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, other.state_dict()[name])
