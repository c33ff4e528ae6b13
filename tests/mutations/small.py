"""The small changes of a file: another sign, bound, number or axis; a line less."""

import ast

from patches import Mutation

OTHER = {ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"),
         ast.Div: ("/", "*"), ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"),
         ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="),
         ast.NotEq: ("!=", "=="), ast.And: ("and", "or"), ast.Or: ("or", "and"),
         ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"), ast.Invert: ("~", ""),
         ast.USub: ("-", ""), ast.Not: ("not", "")}


class Change(Mutation):
    """A mutation that is one place of a file, not a text that occurs once."""

    def source(self, source):
        start, stop, new = self.edits
        raw = source.encode("utf-8")
        return (raw[:start] + new.encode("utf-8") + raw[stop:]).decode("utf-8")


def small_changes(file, source, most):
    """At most `most` of a file's changes, spread evenly over it; messages excepted."""
    raw, changes = source.encode("utf-8"), []
    starts = [0]
    for line in raw.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def first(node):
        return starts[node.lineno - 1] + node.col_offset

    def last(node):
        return starts[node.end_lineno - 1] + node.end_col_offset

    def between(op, start, stop):
        if type(op) in OTHER:
            old, new = OTHER[type(op)]
            at = start + raw[start:stop].index(old.encode())
            yield at, at + len(old), new

    def of(node):
        if isinstance(node, ast.BinOp):
            yield from between(node.op, last(node.left), first(node.right))
        elif isinstance(node, ast.UnaryOp):
            yield from between(node.op, first(node), first(node.operand))
        elif isinstance(node, ast.BoolOp):
            yield from between(node.op, last(node.values[0]), first(node.values[1]))
        elif isinstance(node, ast.Compare):
            yield from between(node.ops[0], last(node.left), first(node.comparators[0]))
        elif isinstance(node, ast.AugAssign):
            yield from between(node.op, last(node.target), first(node.value))
        elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            new = not node.value if isinstance(node.value, bool) else node.value + 1
            yield first(node), last(node), str(new)
        elif isinstance(node, ast.Attribute) and node.attr == "T":
            yield last(node.value), last(node), ""
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.Expr)):
            yield first(node), last(node), "pass"

    def walk(node, definition):
        for child in ast.iter_child_nodes(node):
            name = definition or getattr(child, "name", None)
            text = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if isinstance(child, (ast.Raise, ast.JoinedStr)) or text:
                continue
            if name:
                for start, stop, new in of(child):
                    line = raw[:start].count(b"\n") + 1
                    old = " ".join(raw[start:stop].decode("utf-8").split())[:40]
                    changes.append(Change(f"{file}:{line} {old} -> {new or 'none'}",
                                          False, file, name, (start, stop, new)))
            walk(child, name)

    walk(ast.parse(source), None)
    step = max(1, -(-len(changes) // most))
    return changes[::step]
