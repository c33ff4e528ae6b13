"""What is drawn in a figure, in words: so two runs of a lesson can be compared."""

import json
import re


def structure(figure):
    """What is drawn, without the numbers: a dict for each axes, and the figure's title.

    Numbers in texts become #, since what was measured differs from machine to machine.
    """
    def words(text):
        return re.sub(r"[\d.,]*\d", "#", text)

    return [words(figure.get_suptitle())] + [{
        "title": words(axes.get_title()), "x": words(axes.get_xlabel()),
        "y": words(axes.get_ylabel()), "scales": [axes.get_xscale(), axes.get_yscale()],
        "legend": [words(text.get_text()) for text in axes.get_legend().get_texts()]
        if axes.get_legend() else [], "lines": len(axes.lines),
        "images": len(axes.images), "bars and boxes": len(axes.patches)}
        for axes in figure.axes]


def structure_of(path):
    """The structure of a figure that was saved."""
    from PIL import Image
    with Image.open(path) as image:
        return json.loads(image.text["Description"])
