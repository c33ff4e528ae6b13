"""What can be trained: data, task, network, and settings that were found to work."""

from dataclasses import asdict, dataclass, fields

from numnet import data, scenes
from numnet.captions import captioner
from numnet.data import derived, glyphs
from numnet.data import sort_of_clevr as clevr
from numnet.data.captions import Captions
from numnet.data.examples import Examples, Pairs
from numnet.data.images import prepare as prepare_images
from numnet.data.text import Tokenizer
from numnet.fusion import FUSIONS
from numnet.models import article_model, fusion_classifier, joint_embedding
from numnet.optim import SGD, Adam, expect_setting
from numnet.tasks import Answer, Binary, Caption, Match, Measure
from numnet.training import stream

INPUTS = {"both": None, "image only": "question", "text only": "image",
          "shuffled questions": "pairing"}           # what each hides
CHOICES = {
    "data": (*data.NAMES, "sort-of-clevr"), "model": ("fusion", "article"),
    "task": ("answer", "yes-no", "measure", "match", "caption"),
    "fusion": tuple(FUSIONS), "text": ("rnn", "lstm", "attention"),
    "inputs": tuple(INPUTS), "optimizer": ("sgd", "adam")}
WRITING = {"optimizer": "adam", "lr": 0.002, "warmup": 0.05, "batch_size": 32}
SETTINGS = (                           # where this is chosen, this is otherwise
    ({"fusion": "attention"}, {"optimizer": "adam", "lr": 0.002, "warmup": 0.05}),
    ({"text": "attention"}, {"optimizer": "adam", "lr": 0.002, "warmup": 0.05}),
    ({"task": "match"}, {"lr": 0.05, "epochs": 6, "batch_size": 24}),
    ({"task": "caption"}, WRITING),
    *(({"data": name}, {"task": "caption", "epochs": 16} | WRITING)
      for name in glyphs.SPLITS),
    ({"task": "yes-no"}, {"fusion": "product", "optimizer": "adam", "lr": 0.002,
                          "epochs": 12}),
    ({"optimizer": "adam"}, {"lr": 0.002}),
    ({"model": "article"}, {"task": "yes-no", "fusion": "concatenation",
                            "text": "lstm", "optimizer": "adam", "lr": 0.001,
                            "epochs": 10, "batch_size": 4, "validation": 0.2}),
    ({"data": "sort-of-clevr"}, {"text": "lstm", "optimizer": "adam", "lr": 0.002,
                                 "batch_size": 32, "warmup": 0.075, "hold": 0.5}),
)
ONLY = {                               # where this is chosen, only these go with it
    "--data sort-of-clevr": {"task": ("answer",), "inputs": ("both",),
                             "fusion": ("attention", "concatenation"),
                             "text": ("lstm",)},
    "--model article": {"task": ("yes-no",), "fusion": ("concatenation",),
                        "text": ("lstm",)},
    "--task match": {"inputs": ("both",), "fusion": ("concatenation",),
                     "text": ("rnn",)},
    "--task caption": {"inputs": ("both",), "fusion": ("concatenation",),
                       "text": ("rnn",)},
}


@dataclass(frozen=True)
class Config:
    """What one run was asked to do; the rest follows from it, number for number.

    Raises ValueError for a setting of another kind, out of range, or two that do not
    go together.
    """

    data: str
    model: str = "fusion"
    task: str = "answer"
    fusion: str = "concatenation"
    text: str = "rnn"
    inputs: str = "both"
    seed: int = 0
    epochs: int = 8
    batch_size: int = 8                # pictures, each with all its questions
    optimizer: str = "sgd"
    lr: float = 0.1
    momentum: float = 0.9              # Adam's first beta
    weight_decay: float = 0.0
    warmup: float = 0.0                # share of all steps in which lr rises
    hold: float = 0.0                  # share of all steps before lr falls
    max_norm: float = 1.0
    validation: float = 0.1            # share of the training pictures set aside
    words: tuple = ()                  # filled in from the training texts
    answers: tuple = ()

    def __post_init__(self):
        for field in fields(self):
            value = getattr(self, field.name)
            kinds = (int, float) if field.type is float else field.type
            if not isinstance(value, kinds) or isinstance(value, bool):
                raise ValueError(f"Config: {field.name} must be a {field.type.__name__}"
                                 f", got {value!r}")
        for name, least in ("seed", 0), ("epochs", 1), ("batch_size", 1):
            if getattr(self, name) < least:
                raise ValueError(f"Config: {name} must be at least {least}, "
                                 f"got {getattr(self, name)}")
        expect_setting("Config", "lr", self.lr)
        for name in "momentum", "warmup", "hold":
            expect_setting("Config", name, getattr(self, name), below=1)
        expect_setting("Config", "weight_decay", self.weight_decay)
        expect_setting("Config", "max_norm", self.max_norm, above=0)
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"Config: {name} must be one of {', '.join(choices)}, "
                                 f"got {getattr(self, name)!r}")
        if not all(isinstance(text, str) for text in self.words + self.answers):
            raise ValueError("Config: words and answers must be strings")
        Tokenizer(self.words)                        # distinct, single words
        if self.task == "yes-no" and self.answers not in ((), ("no", "yes")):
            raise ValueError("Config: answers must be no and yes where these are asked "
                             f"for, got {self.answers}")
        self._expect_a_network()

    def _expect_a_network(self):
        alone = {"--data sort-of-clevr": self.data == "sort-of-clevr",
                 "--model article": self.model == "article",
                 "--task match": self.task == "match",
                 "--task caption": self.task == "caption"}
        chosen = [name for name, is_so in alone.items() if is_so]
        if len(chosen) > 1:
            raise ValueError(f"{' and '.join(chosen)} do not go together")
        for name in chosen:
            for field, allowed in ONLY[name].items():
                if getattr(self, field) not in allowed:
                    other = ("--ablation" if field == "inputs"
                             else f"--{field} {getattr(self, field)}")
                    raise ValueError(f"{name} does not go with {other}")
        if self.data in glyphs.SPLITS and self.task != "caption":
            raise ValueError(f"--data {self.data} does not go with --task {self.task}")


def configure(**chosen):
    """A Config of what is chosen, and otherwise of the settings that go with it."""
    settings = {}
    for condition, others in SETTINGS:
        if condition.items() <= chosen.items():
            settings |= others
    return Config(**(settings | chosen))


def sources(config):
    """The training, validation and test data of a run, as Questions.

    For sort-of-clevr, whose training pictures have no end, (None, None, None).
    """
    if config.data == "sort-of-clevr":
        return None, None, None
    train, test = (_asked(questions, config)
                   for questions in data.load(config.data, config.seed))
    rest, held_out = data.split_by_image(train, config.validation,
                                         stream("split", config.seed))
    return rest, held_out, test


def _asked(questions, config):
    """What this task asks about the pictures of a dataset."""
    if config.task == "yes-no":
        return derived.yes_or_no(questions)
    if config.task == "measure":
        return derived.measuring(questions)
    if config.task in ("match", "caption") and config.data not in glyphs.SPLITS:
        return derived.captioned(questions)
    return questions


def complete(config):
    """The Config with its vocabulary and its answers, from the training data."""
    if config.data == "sort-of-clevr":
        words, answers = clevr.TOKENIZER.words[2:], clevr.ANSWERS
    else:
        train, validation, _ = sources(config)
        words = Tokenizer.fit(train.question).words[2:]
        answers = {"yes-no": ("no", "yes"), "answer": sorted(
            set(train.answer) | set(validation.answer))}.get(config.task, ())
    return Config(**asdict(config) | {"words": tuple(words), "answers": tuple(answers)})


def examples(config):
    """The training, validation and test examples of a run, as `fit` takes them."""
    if config.data == "sort-of-clevr":
        return (clevr.FreshScenes(250),
                clevr.Scenes(stream("validation", config.seed), 200),
                clevr.Scenes(stream("test", config.seed), 1000))
    return tuple(prepare(questions, config) for questions in sources(config))


def prepare(questions, config):
    """Questions as the examples of this run, with what it must not see hidden."""
    tokenizer = Tokenizer(config.words)
    _, factor = picture_size(config)
    if config.task in ("match", "caption"):
        kind = Pairs if config.task == "match" else Captions
        return kind(prepare_images(questions.images[questions.image], factor),
                    questions.question, tokenizer)
    answers = None if config.task == "measure" else config.answers
    made = Examples.of(questions, tokenizer, answers, factor)
    hidden = INPUTS[config.inputs]
    return made.without(hidden, stream("hide", config.seed)) if hidden else made


def picture_size(config):
    """The pixels of a side of the run's pictures; how much they shrink for the network.
    """
    if config.data == "sort-of-clevr":
        return clevr.SIZE, 1
    if config.data in glyphs.SPLITS:
        return glyphs.SIZE, 1
    return 64, 1 if config.model == "article" else 2


def build(config):
    """The untrained network of a run, its weights drawn from its seed; its task."""
    rng, words = stream("weights", config.seed), len(config.words) + 2
    outputs = len(config.answers) if config.task == "answer" else 1
    if config.data == "sort-of-clevr":
        network = (scenes.HopNetwork if config.fusion == "attention"
                   else scenes.ConcatenationNetwork)
        return network(words, outputs, rng), Answer()
    if config.task == "match":
        model = joint_embedding(words, rng)
        return model, Match(model)
    if config.task == "caption":
        return captioner(words + 1, rng), Caption()
    if config.model == "article":
        return article_model(words, outputs, rng), Binary()
    task = {"answer": Answer, "yes-no": Binary, "measure": Measure}[config.task]()
    return fusion_classifier(words, outputs, rng, config.fusion, config.text,
                             "flatten" if config.task == "measure" else "max"), task


def optimizer_of(config, model):
    if config.optimizer == "adam":
        return Adam(model.parameters(), config.lr, (config.momentum, 0.99),
                    weight_decay=config.weight_decay)
    return SGD(model.parameters(), config.lr, config.momentum, config.weight_decay)
