"""Where the heads look: the attention of each hop over a sort-of-CLEVR picture.

    python -m numnet.study.looking RUN --picture 3 --out looking.png \\
        --question "what is the shape of the object closest to the red object?"
"""

import argparse
import sys
from dataclasses import dataclass

import numpy as np

from numnet import recipes, runs
from numnet.data import sort_of_clevr as clevr
from numnet.data.images import prepare
from numnet.data.text import Tokenizer
from numnet.fusion import CrossAttention
from numnet.scenes import HopNetwork
from numnet.study.stepper import watch


def look(run, question, path, picture=0):
    """Ask a run a question about a picture, and draw where its heads look.

    run: a directory, trained on sort-of-clevr by attention. picture: the number of a
    test picture, or a picture (75, 75, 3) uint8. Draws a PNG at `path`; returns the
    answer. The shares come from the line tagged (attention.2), which runs once a hop.
    Raises ValueError for another kind of run or picture, or a word never read.
    """
    from numnet.study import plots
    config, model, _ = runs.open_run(run)
    if config.data != "sort-of-clevr" or config.fusion != "attention":
        raise ValueError(f"look: {run} must be trained on sort-of-clevr by attention, "
                         f"it is {config.data} by {config.fusion}")
    if isinstance(picture, (int, np.integer)):
        images = recipes.examples(config)[2].images
        if not 0 <= picture < len(images):
            raise ValueError(f"look: picture must be in 0..{len(images) - 1}, "
                             f"got {picture}")
        picture = images[picture]
    if np.shape(picture) != (clevr.SIZE, clevr.SIZE, 3):
        raise ValueError(f"look: picture must be ({clevr.SIZE}, {clevr.SIZE}, 3), "
                         f"got {np.shape(picture)}")
    attention, answer = shares(model, config, picture, question)
    plots.attention_over(picture, attention, (10, 10), question, answer, path)
    return answer


def shares(model, config, picture, question):
    """How each head shares its attention among the cells, and the answer.

    →   (hops, heads, cells), the sum over the cells being 1; a word.
    """
    tokenizer = Tokenizer(config.words)
    if unknown := tokenizer.unknown(question):
        raise ValueError(f"look: the run has never read {', '.join(unknown)}")
    ids, lengths = tokenizer.encode([question])
    inputs = {"images": prepare(picture[None], factor=1), "ids": ids,
              "lengths": lengths, "question": np.zeros((1, 1), np.int64)}
    z, _ = model(**inputs)
    return heads(model, inputs, []).shares, config.answers[z[0, 0].argmax()]


@dataclass(frozen=True, eq=False)
class Heads:
    """How heads share their attention among the cells of one picture.

    shares (rows, columns, cells), each row of cells adding up to 1; what a row is, the
    names of the columns; extent: the left, right, lower and upper edge of the cells on
    the picture, in pixels.
    """

    shares: np.ndarray
    row: str
    columns: list
    extent: tuple


def heads(model, inputs, words):
    """Where the heads look for one question, whose words these are, as Heads, or None.

    In a network of hops a row is a hop and a column a head; in a fusion by attention a
    row is a head and a column a word. Other networks have no heads that see pictures.
    """
    hops = isinstance(model, HopNetwork)
    if not hops and not isinstance(getattr(model, "fusion", None), CrossAttention):
        return None
    with watch("attention.2") as steps:
        model(**inputs)
    if hops:                                         # a cell around every 8th pixel
        p = np.stack([step.arrays["p"][0, :, 0] for step in steps])
        names = [f"head {k + 1}" for k in range(p.shape[1])]
        return Heads(p, "hop", names, (-4, 76, 76, -4))
    p = steps[-1].arrays["p"][0]                     # before it words looked at words
    return Heads(p, "head", words, (-0.5, 63.5, 63.5, -0.5))


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m numnet.study.looking",
                                     description="Draw where the heads look.")
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--question", required=True)
    parser.add_argument("--picture", type=int, default=0, help="of the test pictures")
    parser.add_argument("--out", default="looking.png", metavar="FILE")
    arguments = parser.parse_args(argv)
    try:
        answer = look(arguments.run, arguments.question, arguments.out,
                      arguments.picture)
    except (ValueError, OSError) as error:
        print(f"numnet: {error}", file=sys.stderr)
        return 2
    print(f"{answer}; drawn in {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
