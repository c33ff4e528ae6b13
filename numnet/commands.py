"""What the commands train, evaluate and predict do, given their arguments."""

import importlib.util
import itertools
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from numnet import data, parallel, recipes, runs
from numnet.activation import sigmoid, softmax
from numnet.data import denoise, derived, images
from numnet.data import sort_of_clevr as clevr
from numnet.data.text import Tokenizer, split
from numnet.evaluation import measure
from numnet.training import evaluating, stream

CHOSEN = ("model", "task", "fusion", "text", "seed", "epochs", "batch_size",
          "optimizer", "lr", "momentum", "weight_decay", "warmup")


def train(arguments):
    team = parallel.assemble() if arguments.parallel else parallel.alone()
    settings = {key: getattr(arguments, key) for key in CHOSEN
                if getattr(arguments, key) is not None}
    if arguments.resume:
        if settings or arguments.data or arguments.out or arguments.ablation:
            raise ValueError("--resume goes on with a run as it was configured: "
                             "it takes no other option")
        runs.go_on(arguments.resume, print, team)
        return 0
    name = arguments.data or team.first(_data_there_is)
    config = recipes.configure(data=name, **settings)
    folder = arguments.out or team.first(lambda: _free_folder(name))
    run = runs.ablate if arguments.ablation else runs.start
    run(config, folder, print, team)
    return 0


def _data_there_is():
    name = "easy-vqa" if importlib.util.find_spec("easy_vqa") else "shapes"
    print("data: " + ("easy-vqa, since its package is installed"
                      if name == "easy-vqa" else
                      "generated shapes, since the package easy-vqa is not "
                      "installed (pip install numnet[vqa])"))
    return name


def _free_folder(name):
    for k in itertools.count(1):
        folder = Path("runs") / f"{name}-{k}"
        if not folder.exists():
            return folder


def evaluate(arguments):
    config, model, task = runs.open_run(arguments.run)
    name = arguments.data or config.data
    if name == "sort-of-clevr" or config.data == "sort-of-clevr":
        if name != config.data or arguments.noise or arguments.denoise:
            raise ValueError("sort-of-clevr has pictures and questions of its own: its "
                             "runs are evaluated on them, without noise, and no others")
        test = recipes.examples(config)[2]
    else:
        questions = recipes.sources(replace(config, data=name))[2]
        spoilt = questions.images
        if arguments.noise:
            spoilt = denoise.add_noise(spoilt, arguments.noise,
                                       stream("noise", config.seed))
        if arguments.denoise:
            spoilt = denoise.remove_noise(spoilt, arguments.denoise)
        test = recipes.prepare(replace(questions, images=spoilt), config)
    metrics, _ = measure(config, model, task, test)
    if "answers" in metrics:
        print("answer       precision  recall      F1  questions")
        for answer, row in metrics["answers"].items():
            print(f"{answer:12} {row['precision']:9.4f} {row['recall']:7.4f} "
                  f"{row['f1']:7.4f} {row['questions']:10,}")
    print(f"{runs.summary(metrics)} of {name} (trained on {config.data}, "
          f"{config.inputs})")
    return 0


def predict(arguments):
    config, model, _ = runs.open_run(arguments.run)
    if config.task == "match":
        raise ValueError("this run matches captions and pictures, it takes no question")
    measures = {tuple(split(text)): numbers
                for text, numbers in derived.MEASURES.items()}
    if config.task == "measure" and tuple(split(arguments.question)) not in measures:
        raise ValueError("this run measures; its questions are: "
                         + " ".join(derived.MEASURES))
    tokenizer = Tokenizer(config.words)
    relational = config.data == "sort-of-clevr"
    side = clevr.SIZE if relational else 64
    picture = images.resize(images.read(arguments.image), side)[None]
    ids, lengths = tokenizer.encode([arguments.question])
    unknown = tokenizer.unknown(arguments.question)
    if len(unknown) == lengths[0]:
        raise ValueError("the model has never read a word of this question: "
                         + ", ".join(unknown))
    if unknown:
        print("words the model has never read: " + ", ".join(unknown), file=sys.stderr)
    one = np.zeros(1, np.int64)
    if relational:
        inputs = {"images": images.prepare(picture, factor=1), "ids": ids,
                  "lengths": lengths, "question": one[:, None]}
    else:                              # some answer: it is not looked at
        asked = data.Questions(picture, one, [arguments.question],
                               [config.answers[0] if config.answers else "0"])
        inputs, _ = recipes.prepare(asked, config).batch(one)
    with evaluating(model):
        z = model(**inputs)[0].reshape(-1)
    if config.task == "measure":
        usual, spread = measures[tuple(split(arguments.question))]
        print(f"{usual + spread * float(z[0]):.3f}")
        return 0
    if config.task == "yes-no":
        yes = sigmoid(z)[0][0]
        p = np.array([1 - yes, yes])
    else:
        p = softmax(z)[0]
    for k in np.argsort(-p, kind="stable")[:arguments.top]:
        print(f"{config.answers[k]:12} {100 * p[k]:6.2f} %")
    return 0
