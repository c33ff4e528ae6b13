"""Find the pictures that fit a caption, or the captions that fit a picture.

A joint embedding puts both into one space, in rows of length 1. How well two fit is
their product, from -1 to 1, and what fits best lies nearest.
"""

from pathlib import Path

import numpy as np

from numnet import asking, recipes, runs
from numnet.data.images import prepare
from numnet.data.text import split
from numnet.evaluation import embed, recalls
from numnet.training import evaluating


def main(arguments):
    """`numnet search`: rank, draw, and say how often the nearest is right."""
    config, model, _ = runs.open_run(arguments.run)
    if config.task != "match":
        raise ValueError(f"search: {arguments.run} must be trained by --task match, "
                         f"its task is {config.task}")
    if arguments.image:
        if arguments.out:
            raise ValueError("search: --image ranks captions, which are printed; "
                             "--out is for pictures")
        picture = asking.picture_of(config, arguments.image)
        given = {"images": prepare(picture[None], recipes.picture_size(config)[1])}
    else:
        asking.words_of(config, arguments.caption, "caption")
        known = [word for word in split(arguments.caption) if word in config.words]
        ids, lengths = asking.words_of(config, " ".join(known))
        given = {"ids": ids, "lengths": lengths}
    questions = recipes.sources(config)[2]
    test = recipes.prepare(questions, config)
    u, v = embed(model, test)
    a, b = place(model, test, given)
    if arguments.image:
        for k, fit in nearest(v @ a, arguments.top):
            print(f"{fit:6.3f}  {test.texts[k]}")
    else:
        found = nearest(u @ b, arguments.top)
        draw(questions, found, arguments.caption, Path(arguments.out or "search.png"))
        for k, fit in found:
            print(f"{fit:6.3f}  {questions.question[k]}")
    right = recalls(u, v, test.text)
    print(f"recall@1: {right['recall_at_1_caption_of_picture']:.4f} for the caption "
          f"of a picture among {len(v)}, {right['recall_at_1_picture_of_caption']:.4f} "
          f"for a picture of a caption among {len(u):,}")
    return 0


def place(model, test, given):
    """Where a picture, or a caption, lies: the rows u and v, one of which is asked for.

    given: `images`, or `ids` and `lengths`, as the model takes them, one of each.
    """
    some = {"images": test.images[:1], "ids": test.ids[:1], "lengths": test.lengths[:1]}
    with evaluating(model):
        (u, v), _ = model(**some | given)
    return u[0], v[0]


def nearest(fits, top):
    """The places of the largest numbers, with these, the largest first: pairs."""
    order = np.argsort(-fits, kind="stable")[:top]
    return [(int(k), float(fits[k])) for k in order]


def draw(questions, found, caption, path):
    """Draw the pictures that were found, with their own captions."""
    from numnet.study import plots
    plots.found(questions.images[questions.image[[k for k, _ in found]]],
                [f"{questions.question[k]}\n{fit:.3f}" for k, fit in found],
                caption, path)
    print(f"{path}: the nearest to “{caption}” of {len(questions):,} pictures")
