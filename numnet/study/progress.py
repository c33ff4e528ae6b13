"""What has been started, solved and hinted at in a folder of exercises."""

import json
import sys
from pathlib import Path

from numnet.checkpoint import write_text
from numnet.study import exercises


class Progress:
    """A folder's .progress.json, written whole after every change.

    last: the exercise started last; solved: those that were right once; right: of each
    that was checked, the results that were right; hints: how many have been given, by
    "exercise result". A file that cannot be read costs these, nothing else.
    """

    def __init__(self, folder):
        self.folder, self.path = Path(folder), Path(folder, ".progress.json")
        self.last, self.solved, self.right, self.hints = "", [], {}, {}
        if not self.path.exists():
            return
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            if not _sound(found):
                raise ValueError("it is not what numnet wrote")
            vars(self).update(found)
        except ValueError as error:                  # bytes that are no text, too
            print(f"numnet: {self.path} is damaged ({error}): progress starts afresh, "
                  "your exercises are untouched", file=sys.stderr)

    def _save(self):
        kept = {key: getattr(self, key) for key in KINDS}
        write_text(self.path, json.dumps(kept, indent=1))

    def file(self, name):
        return self.folder / f"{name}.py"

    def next(self):
        """The first exercise that is not solved, or None."""
        return next((name for name in exercises.ORDER if name not in self.solved), None)

    def state(self, name):
        """How far an exercise has come, in a word or two."""
        if name in self.solved:
            return "solved"
        if not self.file(name).exists():
            return ""
        every = exercises.results(exercises.load(name))
        return f"{len(self.right.get(name, ()))} of {len(every)} right"

    def start(self, name):
        self.last = name
        self.right.pop(name, None)
        self.hints = {key: count for key, count in self.hints.items()
                      if key.split()[0] != name}
        self._save()

    def check(self, name, right, solved):
        """Keep the names of the results that are right."""
        self.right[name] = right
        if solved and name not in self.solved:
            self.solved.append(name)
        self._save()

    def hint(self, name, result):
        """The number of the hint that comes now, 1 to 3."""
        key = f"{name} {result}"
        self.hints[key] = min(self.hints.get(key, 0) + 1, 3)
        self._save()
        return self.hints[key]


KINDS = {"last": str, "solved": list, "right": dict, "hints": dict}


def _sound(found):
    """Whether this can be the progress that was saved."""
    return (isinstance(found, dict) and found.keys() == KINDS.keys()
            and all(isinstance(found[key], kind) for key, kind in KINDS.items())
            and all(isinstance(names, list) for names in found["right"].values())
            and all(type(count) is int for count in found["hints"].values()))


def started(folder):
    """The exercises that have a file in a folder."""
    return [name for name in exercises.ORDER if Path(folder, f"{name}.py").exists()]
