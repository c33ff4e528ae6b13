"""Bad input, one line each: its kind, a call, and the sentence that must refuse it.

    value | linear(X, W[:2], B) | w has 2 input features (i) but x has 3

A wrong value or shape raises ValueError, what is no number or no array TypeError; no
other error, and no subclass. The sentence names the argument, what was expected and
what came; before it stands the op that was called, unless the line names another.
… stands for anything. {pool} stands for each of several ops in turn. Every file here
has a TABLE of such lines and the NAMES they use.
"""

import re
from dataclasses import dataclass, field

from refusals import data, learning, pictures, rows, sequences

ERRORS = {"value": ValueError, "type": TypeError}
EACH = {"pool": ("max_pool2d", "avg_pool2d"),
        "whole": ("global_max_pool2d", "global_avg_pool2d", "cells"),
        "join": ("average", "product")}


@dataclass
class Refusal:
    call: str
    error: type
    sentence: str
    names: dict = field(repr=False)

    def run(self):
        return eval(self.call, dict(self.names))

    def says(self, message):
        """Is the message the sentence?"""
        op = self.call.split("(")[0].split(".")[-1]
        named = re.match(r"\w+: |…", self.sentence)
        sentence = self.sentence if named else f"{op}: {self.sentence}"
        parts = map(re.escape, re.split(" ?… ?", sentence))
        return re.fullmatch(".*".join(parts), message) is not None


def read(file):
    """The Refusals of a file; a line with {…} is one for each op it stands for."""
    for line in filter(None, file.TABLE.splitlines()):
        several, = [name for name in EACH if f"{{{name}}}" in line] or [None]
        for op in EACH.get(several, [None]):
            one = line.replace(f"{{{several}}}", op) if op else line
            kind, call, sentence = re.split(r" +\| ", one)
            yield Refusal(call, ERRORS[kind], sentence, file.NAMES)


ROWS = [row for file in (rows, pictures, sequences, learning, data)
        for row in read(file)]
