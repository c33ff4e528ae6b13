"""The README's commands, all of them, in order and to the letter, on little.

As a program, in an empty folder: few pictures, short epochs, a book of one lesson, a
check of three ops. .ci/run runs the first block, the check and the book in full.
"""

import re
import shlex
import sys
from functools import cache
from pathlib import Path

import numpy as np

import numnet.data
from numnet import recipes
from numnet.__main__ import main
from numnet.data import sort_of_clevr
from numnet.study import classroom, gradcheck

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands():
    """What stands behind `numnet` on each line, as a list of arguments."""
    lines = [line.partition("#")[0] for block in blocks("sh")
             for line in block.splitlines() if re.search(r"\bnumnet ", line)]
    arguments = [shlex.split(line) for line in lines]
    return [each[each.index("numnet") + 1:] for each in arguments]


def make_little():
    from PIL import Image
    load, glob = numnet.data.load, Path.glob
    scenes, fresh_scenes = sort_of_clevr.Scenes, sort_of_clevr.FreshScenes

    @cache
    def fewer(name, seed=0):
        return tuple(questions.of_images(np.arange(0, len(questions.images), 100))
                     for questions in load(name, seed))

    Image.fromarray(load("easy-vqa")[1].images[3]).save("picture.png")
    numnet.data.load = fewer
    sort_of_clevr.FreshScenes = lambda steps: fresh_scenes(2)
    sort_of_clevr.Scenes = lambda rng, pictures: scenes(rng, 5)
    recipes.SETTINGS = [(condition, settings | {"epochs": 2})
                        for condition, settings in [({}, {}), *recipes.SETTINGS]]
    gradcheck.CASES = dict([*gradcheck.CASES.items()][:3])
    classroom.LESSONS = ROOT / "lessons"
    Path.glob = lambda self, *patterns, **options: [
        path for path in glob(self, *patterns, **options)
        if self.name != "lessons" or path.name.startswith("06")]


if __name__ == "__main__":
    make_little()
    for command in commands():
        if main(command):
            sys.exit(f"numnet {shlex.join(command)}")
