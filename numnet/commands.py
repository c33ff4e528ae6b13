"""What the commands train, evaluate and predict do, given their arguments."""

import ctypes
import importlib.util
import itertools
import platform
from dataclasses import replace
from pathlib import Path

import numpy as np

from numnet import asking, parallel, recipes, runs
from numnet.data import denoise
from numnet.evaluation import measure
from numnet.training import evaluating, stream

CHOSEN = ("model", "task", "fusion", "text", "seed", "epochs", "batch_size",
          "optimizer", "lr", "momentum", "weight_decay", "warmup")


def train(arguments):
    _keep_freed_memory()
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


def _keep_freed_memory():
    """Let glibc keep what arrays give back for the next ones; elsewhere do nothing.

    Else it returns large blocks to the system after each use, and every page of the
    next array is found and zeroed anew.
    """
    if platform.libc_ver()[0] == "glibc":
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(-4, 0)                               # M_MMAP_MAX: no block of its own
        mallopt(-1, 2 ** 31 - 1)                     # M_TRIM_THRESHOLD: nothing back


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
    picture = asking.picture_of(config, arguments.image)
    with evaluating(model):
        z, _ = model(**asking.ask(config, picture, arguments.question))
    if config.task == "measure":
        usual, spread = asking.measure_of(arguments.question)
        print(f"{usual + spread * float(z[0, 0]):.3f}")
        return 0
    p = asking.shares(config, z)
    for k in np.argsort(-p, kind="stable")[:arguments.top]:
        print(f"{config.answers[k]:12} {100 * p[k]:6.2f} %")
    return 0
