import itertools
from dataclasses import replace

import numpy as np
import pytest
from test_runs import TEST, TRAIN, few_scenes, load_tiny

from numnet import data, recipes
from numnet.data import derived, glyphs
from numnet.data.images import prepare as prepare_images
from numnet.data.shapes import generate
from numnet.optim import SGD, Adam
from numnet.recipes import CHOICES, SETTINGS, Config, configure
from numnet.tasks import Answer, Binary, Match, Measure
from numnet.training import train_step


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setattr(data, "load", load_any)
    few_scenes(monkeypatch)


def load_any(name, seed=0):
    """As load_tiny; of letters, half as large, with captions for questions."""
    if name not in glyphs.SPLITS:
        return load_tiny(name, seed)
    return tuple(replace(told, images=told.images[:, ::2, ::2])
                 for told in map(derived.captioned, load_tiny(name, seed)))


def combinations():
    """Every combination of choices, on data that are generated."""
    for values in itertools.product(*CHOICES.values()):
        chosen = dict(zip(CHOICES, values))
        if chosen["data"] != "easy-vqa":
            yield chosen


def accepted(chosen):
    try:
        return configure(**chosen)
    except ValueError as error:
        return str(error)


# ---- what goes together -------------------------------------------------------------

def test_a_combination_is_taken_or_refused_in_one_sentence_that_names_it():
    taken = set()
    for chosen in combinations():
        config = accepted(chosen)
        if isinstance(config, str):
            assert config.startswith("--") and "\n" not in config
            assert "not go" in config and len(config) < 100
        else:
            taken.add((config.data, config.model, config.task))
            assert chosen.items() <= vars(config).items()
    assert taken == {("shapes", "fusion", task) for task in CHOICES["task"]} | {
        ("shapes", "article", "yes-no"), ("sort-of-clevr", "fusion", "answer")} | {
        (name, "fusion", "caption") for name in glyphs.SPLITS}


@pytest.mark.parametrize("chosen, message", [
    ({"data": "sort-of-clevr", "model": "article"},
     "--data sort-of-clevr and --model article do not go together"),
    ({"model": "article", "task": "match"}, "article and --task match do not go tog"),
    ({"data": "sort-of-clevr", "task": "measure"}, "not go with --task measure"),
    ({"data": "sort-of-clevr", "fusion": "gated"}, "not go with --fusion gated"),
    ({"data": "sort-of-clevr", "text": "rnn"}, "does not go with --text rnn"),
    ({"data": "sort-of-clevr", "inputs": "text only"}, "does not go with --ablation"),
    ({"model": "article", "task": "answer"}, "article does not go with --task answer"),
    ({"model": "article", "text": "rnn"}, "article does not go with --text rnn"),
    ({"model": "article", "fusion": "average"}, "does not go with --fusion average"),
    ({"task": "match", "fusion": "shared"}, "match does not go with --fusion shared"),
    ({"task": "match", "text": "lstm"}, "match does not go with --text lstm"),
    ({"task": "match", "inputs": "image only"}, "match does not go with --ablation"),
    ({"task": "caption", "text": "lstm"}, "caption does not go with --text lstm"),
    ({"task": "caption", "fusion": "gated"}, "does not go with --fusion gated"),
    ({"data": "glyphs", "task": "match"}, "glyphs does not go with --task match")])
def test_choices_that_do_not_go_together_are_named(chosen, message):
    with pytest.raises(ValueError, match=message):
        configure(**{"data": "shapes", **chosen})


BUILT = [config for config in map(accepted, (
    {**chosen, "optimizer": CHOICES["optimizer"][k // 8 % 2]}
    for k, chosen in enumerate(combinations())
    if chosen["inputs"] == "both" and chosen["optimizer"] == "sgd"))
    if isinstance(config, Config)] + [
    configure(data="shapes", task=task, inputs=inputs)
    for task in ("answer", "yes-no", "measure") for inputs in CHOICES["inputs"][1:]]


def name_of(value):
    return (" ".join(getattr(value, name) for name in CHOICES)
            if isinstance(value, Config) else None)


@pytest.mark.parametrize("config", BUILT, ids=name_of)
def test_every_combination_builds_and_takes_one_step_in_single_precision(config):
    config = recipes.complete(config)
    train, validation, test = recipes.examples(config)
    model, task = recipes.build(config)
    optimizer = recipes.optimizer_of(config, model)
    before = model.state_dict()
    batch = train.batches(3, np.random.default_rng(0))[0]
    inputs, label = train.batch(batch)
    loss, said = train_step(model, optimizer, inputs, label, task=task)
    assert np.isfinite(loss) and np.shape(said) == np.shape(label)
    moved = set()
    for name, value in model.state_dict().items():
        assert value.dtype == np.float32 and np.isfinite(value).all(), name
        if (value != before[name]).any():
            moved.add(name.split(".")[0])
    still = set()
    if config.inputs == "text only":                 # relu at 0, and a product with 0
        still = {"image_encoder"}
        if config.fusion == "product":
            still = {"image_encoder", "text_encoder"}
    assert moved == {name.split(".")[0] for name in before} - still
    assert all(state.dtype in (np.float32, np.int64)
               for state in optimizer.state_dict().values())


def test_the_combinations_that_are_built_are_all_there_are():
    # tasks, hidden inputs; matching, the article, hops; captions of four datasets
    assert len(BUILT) == 3 * 6 * 3 + 3 * 3 + 1 + 1 + 2 + 4
    assert {config.optimizer for config in BUILT} == {"sgd", "adam"}


# ---- settings -----------------------------------------------------------------------

@pytest.mark.parametrize("condition, others", SETTINGS)
def test_the_settings_that_go_with_a_choice_are_applied(condition, others):
    config = configure(**{"data": "shapes", **condition})
    assert (condition | others).items() <= vars(config).items()


@pytest.mark.parametrize("condition, others", SETTINGS)
def test_what_is_chosen_wins_over_the_settings_that_go_with_it(condition, others):
    mine = {"lr": 0.03, "epochs": 5, "batch_size": 7, "warmup": 0.01, "hold": 0.02,
            "optimizer": "sgd", "validation": 0.3}
    for name in others.keys() & mine.keys():
        config = configure(**{"data": "shapes", **condition, name: mine[name]})
        assert getattr(config, name) == mine[name]
        rest = {key: value for key, value in others.items() if key != name}
        assert rest.items() <= vars(config).items()


def test_without_a_choice_the_settings_are_those_of_the_config():
    assert configure(data="shapes") == Config(data="shapes")


def test_adam_gets_a_learning_rate_of_its_own():
    assert configure(data="shapes", optimizer="adam").lr < configure(data="shapes").lr
    assert configure(data="shapes", task="match", optimizer="adam").lr == 0.002
    assert configure(data="shapes", model="article", optimizer="adam").lr == 0.001


def test_the_optimizer_has_the_settings_of_the_config():
    config = configure(data="shapes", lr=0.3, momentum=0.7, weight_decay=0.01,
                       words=("a",), answers=("no", "yes"))
    model, _ = recipes.build(config)
    sgd = recipes.optimizer_of(config, model)
    adam = recipes.optimizer_of(replace(config, optimizer="adam"), model)
    assert type(sgd) is SGD and type(adam) is Adam
    assert (sgd.lr, sgd.momentum, sgd.weight_decay) == (0.3, 0.7, 0.01)
    assert (adam.lr, adam.betas[0], adam.weight_decay) == (0.3, 0.7, 0.01)
    assert len(adam.parameters) == len(model.parameters())


@pytest.mark.parametrize("settings, message", [
    ({"words": ("a", "a")}, "words must be distinct"),
    ({"words": ("a b",)}, "words must be single words"),
    ({"task": "yes-no", "answers": ("yes",)}, "answers must be no and yes"),
    ({"warmup": 1.0}, "warmup must be 0 or more and less than 1"),
    ({"hold": -0.1}, "hold must be"), ({"optimizer": "rmsprop"}, "optimizer must be"),
    ({"fusion": "sum"}, "fusion must be one of concatenation, average"),
    ({"text": "gru"}, "text must be one of"), ({"task": "draw"}, "task must be one"),
    ({"model": "vgg"}, "model must be one of fusion, article, got 'vgg'")])
def test_a_setting_that_cannot_be_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        Config(**{"data": "shapes", **settings})


# ---- data ---------------------------------------------------------------------------

def test_a_task_asks_its_own_questions():
    train, validation, test = recipes.sources(configure(data="shapes", task="yes-no"))
    assert {*train.answer, *validation.answer, *test.answer} == {"no", "yes"}
    train, validation, test = recipes.sources(configure(data="shapes", task="measure"))
    assert set(train.question) == set(test.question) == set(derived.MEASURES)
    assert len(train) == 3 * len(train.images) == 54
    train, validation, test = recipes.sources(configure(data="shapes", task="match"))
    assert len(train) == len(train.images) and set(train.answer) == {""}
    assert recipes.sources(configure(data="sort-of-clevr")) == (None, None, None)


@pytest.mark.parametrize("task", CHOICES["task"])
def test_no_picture_is_in_two_parts_and_other_data_are_asked_the_same(task):
    config = configure(data="shapes", task=task)
    parts = [{picture.tobytes() for picture in part.images}
             for part in recipes.sources(config)]
    assert all(parts) and not any(a & b for a, b in itertools.combinations(parts, 2))
    other = recipes.sources(replace(config, data="easy-vqa"))
    assert [len(part) for part in other] == [len(p) for p in recipes.sources(config)]


@pytest.mark.parametrize("config, answers", [
    (configure(data="shapes"), tuple(sorted(set(TRAIN.answer)))),
    (configure(data="shapes", task="yes-no"), ("no", "yes")),
    (configure(data="shapes", model="article"), ("no", "yes")),
    (configure(data="shapes", task="measure"), ()),
    (configure(data="shapes", task="match"), ())], ids=name_of)
def test_words_and_answers_come_from_the_training_data(config, answers):
    whole = recipes.complete(config)
    texts = recipes.sources(config)[0].question
    assert whole.answers == answers and recipes.complete(whole) == whole
    assert set(whole.words) == {word.strip("?") for text in texts
                                for word in text.split()}


def test_yes_and_no_have_their_places_even_where_nothing_is_answered_no(monkeypatch):
    rows = [k for k, answer in enumerate(TRAIN.answer) if answer == "yes"]
    yes = data.Questions(TRAIN.images, TRAIN.image[rows],
                         [TRAIN.question[k] for k in rows], ["yes"] * len(rows))
    monkeypatch.setattr(data, "load", lambda name, seed: (yes, TEST))
    config = recipes.complete(configure(data="shapes", task="yes-no"))
    assert config.answers == ("no", "yes")
    assert (recipes.prepare(yes, config).label == 1).all()


def test_pictures_and_captions_stay_together_in_any_order():
    captioned = derived.captioned(TEST)
    order = np.arange(len(captioned.images))[::-1]
    config = replace(configure(data="shapes", task="match"), words=("a", "blue"))
    pairs = recipes.prepare(captioned.of_images(order), config)
    there = {picture.tobytes(): text for picture, text in zip(
        prepare_images(captioned.images), captioned.question)}
    assert [pairs.texts[k] for k in pairs.text] == [
        there[picture.tobytes()] for picture in pairs.images]


def test_the_article_sees_whole_pictures_and_the_others_half():
    def shape(**chosen):
        test = recipes.examples(recipes.complete(configure(**chosen)))[2]
        return test.batch(np.arange(4))[0]["images"].shape

    assert shape(data="shapes", model="article") == (4, 3, 64, 64)
    assert shape(data="shapes") == (4, 3, 32, 32)
    assert shape(data="sort-of-clevr") == (4, 3, 75, 75)


def test_validation_and_test_scenes_come_from_the_seed():
    def label(seed, part):
        config = recipes.complete(configure(data="sort-of-clevr", seed=seed))
        return recipes.examples(config)[part].label.tolist()

    assert label(0, 1) == label(0, 1) and label(0, 1) != label(0, 2)
    assert label(0, 1) != label(1, 1) and label(0, 2) != label(1, 2)


@pytest.mark.parametrize("config, task, outputs", [
    (configure(data="shapes"), Answer, 13), (configure(data="shapes", task="yes-no"),
                                             Binary, 1),
    (configure(data="shapes", task="measure"), Measure, 1),
    (configure(data="shapes", model="article"), Binary, 1),
    (configure(data="sort-of-clevr"), Answer, 16),
    (configure(data="sort-of-clevr", fusion="attention"), Answer, 16)], ids=name_of)
def test_a_network_has_as_many_scores_as_its_task_reads(config, task, outputs):
    config = recipes.complete(config)
    model, made = recipes.build(config)
    assert type(made) is task
    assert [*model.state_dict().values()][-1].shape == (outputs,)


def test_the_task_of_matching_is_the_models_own():
    model, task = recipes.build(recipes.complete(configure(data="shapes",
                                                           task="match")))
    assert type(task) is Match and task.model is model


def test_the_data_of_the_recipes_do_not_change_by_being_asked():
    before = TRAIN.images.copy(), list(TRAIN.question)
    for task in CHOICES["task"]:
        recipes.examples(recipes.complete(configure(data="shapes", task=task)))
    assert (TRAIN.images == before[0]).all() and TRAIN.question == before[1]
    assert generate(np.random.default_rng(2), 20).answer == TRAIN.answer
