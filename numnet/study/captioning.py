"""Write a caption for a picture of one's own, and draw where the network looks."""

import numpy as np

from numnet import asking, recipes, runs
from numnet.captions import beam_search
from numnet.data.captions import LONGEST
from numnet.data.images import prepare
from numnet.data.text import Tokenizer
from numnet.study.stepper import watch
from numnet.training import evaluating


def main(arguments):
    """`numnet caption`: the likeliest captions; with --out, a map for each word."""
    config, model, _ = runs.open_run(arguments.run)
    if config.task != "caption":
        raise ValueError(f"caption: {arguments.run} must be trained by --task caption, "
                         f"its task is {config.task}")
    picture = asking.picture_of(config, arguments.image)
    image = prepare(picture[None], recipes.picture_size(config)[1])[0]
    tokenizer = Tokenizer(config.words)
    with evaluating(model):
        found = beam_search(model, image, mark=len(tokenizer), longest=LONGEST,
                            width=arguments.beam)
        for words, score in found:
            print(f"{100 * np.exp(score):6.2f} %  {tokenizer.decode(words[None])[0]}")
        if arguments.out:
            words = found[0][0]
            shares = looks(model, image, np.insert(words, 0, len(tokenizer)))
            from numnet.study import plots
            plots.words_over(picture, [tokenizer.words[k] for k in words] + ["(end)"],
                             shares, arguments.out)
            print(f"{arguments.out}: where it looks for each word")
    return 0


def looks(model, image, ids):
    """How the attention lies over the picture as the word after each is chosen.

    image (c, h, w)   ids (t), the mark and the words   →   (t, side, side), the mean
    over blocks and heads; each map adds up to 1. The shares are those of the line
    tagged (attention.2): each block first looks at the words, then at the cells.
    """
    with watch("attention.2") as steps:
        model(images=image[None], ids=ids[None])
    at_cells = [step.arrays["p"][0] for step in steps[1::2]]     # (heads, t, places)
    mean = np.mean(at_cells, axis=(0, 1))
    side = round(mean.shape[1] ** 0.5)
    return mean.reshape(len(ids), side, side)
