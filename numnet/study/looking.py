"""Where the heads look: the attention of each hop over a sort-of-CLEVR picture.

    python -m numnet.study.looking RUN --picture 3 --out looking.png \\
        --question "what is the shape of the object closest to the red object?"
"""

import argparse
import sys

import numpy as np

from numnet import recipes, runs
from numnet.data import sort_of_clevr as clevr
from numnet.data.images import prepare
from numnet.data.text import Tokenizer
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
    with watch("attention.2") as steps:
        z, _ = model(images=prepare(picture[None], factor=1), ids=ids, lengths=lengths,
                     question=np.zeros((1, 1), np.int64))
    p = np.stack([step.arrays["p"] for step in steps])   # (hops, 1, heads, 1, cells)
    return p[:, 0, :, 0], config.answers[z[0, 0].argmax()]


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
