"""What moved an answer: each pixel's part, each word's, and what goes without them.

What an answer rests on is put in one number: its log-odds, which has room to rise and
to fall even where the answer's share is 99.9 %. A pixel's part is taken along the way
from a blank picture in the colour of the border (numnet.study.inside has the formulas).
A question of no words is none, and the way there leads past questions that nobody asks:
so a word has its slope alone, by which the log-odds fall to first order when its vector
becomes 0. Both are held against the act itself: a square painted over, a word put out.
"""

from dataclasses import dataclass

import numpy as np

from numnet import asking, recipes, runs
from numnet.data.images import prepare
from numnet.data.text import split
from numnet.study import inside, looking
from numnet.training import evaluating


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a network answers a question about a picture as it does.

    picture (h, w, 3) uint8; question and words (t); answer, and `sure`, its share;
    name: what e is, such as "log-odds of red"; e, and blank, what e is of the blank
    picture. What each did to e: pixels (p, q), as the network sees them, and slopes
    (t), of the words. What e loses: painted (h, w), where that place is painted over,
    and erased (t), without that word. heads: where they look, as numnet.study.looking
    gives it, or None.
    """

    picture: np.ndarray
    question: str
    words: list
    answer: str
    sure: str
    name: str
    e: float
    blank: float
    pixels: np.ndarray
    slopes: np.ndarray
    painted: np.ndarray
    erased: np.ndarray
    heads: looking.Heads | None


def main(arguments):
    """`numnet explain`: draw what moved the answer to a question about a picture."""
    config, model, _ = runs.open_run(arguments.run)
    picture = asking.picture_of(config, arguments.image)
    why = explain(config, model, picture, arguments.question)
    from numnet.study import plots
    plots.explanation(why, arguments.out)
    print(f"{why.answer} {why.sure}".strip())
    print(f"the {why.name}: {why.e:.2f}; of a blank picture: {why.blank:.2f}; what the "
          f"pixels did to it: {why.pixels.sum():.2f}; drawn in {arguments.out}")
    return 0


def explain(config, model, picture, question):
    """The Explanation of a run's answer to a question about a picture.

    picture (size, size, 3) uint8, as numnet.asking.picture_of gives it. Raises
    ValueError for a run that did not see both, or that cannot be asked this question.
    """
    asking.expect_both("explain", config)
    inputs = asking.ask(config, picture, question)
    words, factor = split(question), recipes.picture_size(config)[1]
    with evaluating(model):
        z, _ = model(**inputs)
        answer, sure, name, evidence = judge(config, z.reshape(1, -1), question)
        network = inside.of_inputs(model)
        x, w = inputs["images"], inside.word_vectors(model, inputs["ids"])

        def of(x, w):
            """The evidence, of pictures or of questions side by side."""
            n = max(len(x), len(w))
            z, network_back = network(*(np.repeat(each, n // len(each), axis=0)
                                        for each in (x, w)))
            e, evidence_back = evidence(z)
            return e, lambda de: network_back(evidence_back(de))

        (e,), backward = of(x, w)
        _, dw = backward(np.ones(1, x.dtype))
        b = prepare(inside.painted_over(picture, 0, 0, len(picture))[None], factor)
        pixels = inside.integrated(lambda x: of(x, w), x[0], b[0])
        painted = inside.occluded(lambda some: e - of(prepare(some, factor), w)[0],
                                  picture)
        erased = e - of(x, inside.each_put_out(w[0]))[0]
        return Explanation(
            picture, question, words, answer, sure, name, float(e),
            float(of(b, w)[0][0]), pixels.sum(axis=0), (dw * w)[0].sum(axis=1),
            painted, erased, looking.heads(model, inputs, words))


def judge(config, z, question):
    """The answer by its scores z (1, o), its share, what e is, and e as an op of z."""
    if config.task == "measure":
        usual, spread = asking.measure_of(question)
        answer = f"{usual + spread * float(z[0, 0]):.3f}"
        return answer, "", "measure", lambda z: inside.line(z, usual, spread)
    p = asking.shares(config, z)
    a = int(p.argmax())
    if config.task == "yes-no":
        op = lambda z: inside.line(z, 0, 2 * a - 1)  # the score is the log-odds of yes
    else:
        op = lambda z: inside.log_odds(z, answer=a)
    answer = config.answers[a]
    return answer, f"{100 * p[a]:.2f} %", f"log-odds of {answer}", op
