"""Print the shell block of a Markdown file that holds the command of a given name.

    readme.py README.md train      the block whose commands run numnet train
    readme.py README.md test       the block that runs pytest
"""

import re
import sys

name = {"train": "numnet train", "test": "pytest"}[sys.argv[2]]
text = open(sys.argv[1], encoding="utf-8").read()
blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
print(next(block for block in blocks if name in block), end="")
