"""A mutation: one bug, written as replacements in the source of one file."""

import ast
from typing import NamedTuple


class Stale(Exception):
    """A text to replace does not occur exactly once: the catalogue has to follow."""


class Mutation(NamedTuple):
    """`edits`, pairs (old, new), made in one top-level definition of a file.

    must_die: whether no test-suite worth trusting lets it pass.
    """

    name: str
    must_die: bool
    file: str
    definition: str
    edits: list

    def source(self, source):
        """The file's source with the bug in it."""
        lines = source.splitlines(keepends=True)
        place = lines_of(source, self.definition)
        if place is None:
            raise Stale(f"{self.name}: {self.file} has no {self.definition}")
        start, stop = place
        before, body, after = (
            "".join(part) for part in (lines[:start], lines[start:stop], lines[stop:]))
        for old, new in self.edits:
            if body.count(old) != 1:
                raise Stale(f"{self.name}: in {self.definition} of {self.file} there "
                            f"must be one, not {body.count(old)}, of: {old}")
            body = body.replace(old, new)
        changed = before + body + after
        ast.parse(changed)
        return changed


def lines_of(source, definition):
    """Where a top-level definition is: its first line's number, and the next one's."""
    for node in ast.parse(source).body:
        if getattr(node, "name", None) == definition:
            return node.lineno - 1, node.end_lineno
    return None


def mutations(tables):
    """Read tables {(file, definition): {name: edits}}; "!" ends a name that must die.

    edits are one pair (old, new), or a list of them.
    """
    return [Mutation(name.rstrip("!"), name.endswith("!"), file, definition,
                     edits if isinstance(edits, list) else [edits])
            for table in tables
            for (file, definition), named in table.items()
            for name, edits in named.items()]
