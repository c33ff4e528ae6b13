r"""Formulas in plain text: the LaTeX of the docstrings, as a terminal can show it.

    y_{no} = b_o + \sum_i x_{ni}\, w_{io}   →   y[n,o] = b[o] + Σ[i] x[n,i] w[i,o]

A subscript becomes an index in brackets, a fraction a division, a command its sign.
It is derived anew each time, so that no formula is written down twice.
"""

import re
from dataclasses import dataclass

SIGNS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "eta": "η",
    "theta": "θ", "lambda": "λ", "mu": "μ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "phi": "φ", "omega": "ω", "Delta": "Δ", "Sigma": "Σ", "infty": "∞",
    "cdot": "·", "ldots": "…",
}
RELATIONS = {"leftarrow": "←", "rightarrow": "→", "to": "→", "ge": "≥", "le": "≤",
             "ne": "≠", "approx": "≈", "in": "∈", "pm": "±", "times": "×"}
FUNCTIONS = ("max", "min", "log", "exp", "sin", "cos", "tanh")
SIZES = ("Big", "big", "left", "right")              # of the bracket that follows
SPACES = {"\\,": " ", "\\;": "  ", "\\quad": "   "}  # the first one multiplies
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[A-Za-z]+|\d+(?:\.\d+)?| +|.")
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass
class Piece:
    """A part of a formula that is not taken apart again."""

    text: str
    kind: str      # one of those that _Reader and _kind give


def plain(latex):
    """Turn a formula into plain text.

    Raises ValueError naming the command, for LaTeX the formulas have not needed so far.
    """
    return _join(_Reader(latex).group()).strip()


class _Reader:
    """Reads a formula from left to right, into a list of Pieces."""

    def __init__(self, latex):
        self.latex = latex
        self.tokens = TOKEN.findall(latex)[::-1]     # the next one is the last

    def group(self, end=None):
        """The pieces up to a closing brace, or to the end of the formula."""
        pieces = []
        while self.tokens:
            token = self.tokens.pop()
            if token == end:
                return pieces
            if token in ("_", "^"):
                if not pieces:
                    raise self.unknown(token)
                self.script(token, pieces[-1])
            elif token == "'" and pieces:
                pieces[-1].text += token
            else:
                pieces += self.piece(token)
        if end:
            raise ValueError(f"plain: a brace is not closed in {self.latex}")
        return pieces

    def piece(self, token):
        if token[0] != "\\":
            if token in "{}&~#$%":
                raise self.unknown(token)
            return [Piece(" " if token.isspace() else token, _kind(token))]
        name = token[1:]
        if token in SPACES:
            kind = "times" if token == "\\," else "space"
            return [Piece(SPACES[token], kind)]
        if name in SIZES:
            return []
        if name == "partial":                        # close to what it is of
            return [Piece("∂" + _join(self.argument()), "word")]
        if name in SIGNS:
            return [Piece(SIGNS[name], "sign")]
        if name in RELATIONS:
            return [Piece(RELATIONS[name], "relation")]
        if name in FUNCTIONS:
            return [Piece(name, "function")]
        if name == "sum":
            return [Piece("Σ", "sum")]
        if name == "frac":
            above, below = self.argument(), self.argument()
            if any(p.kind in ("relation", "sum", "fraction") or p.text == "/"
                   for p in above[1:]) or above[0].kind in ("sum", "fraction"):
                above = [Piece(f"({_join(above)})", "word")]
            return [Piece(f"{_join(above)} / {_bracketed(below)}", "fraction")]
        if name == "sqrt":
            return [Piece(f"√{_bracketed(self.argument())}", "word")]
        if name == "bar":
            return [Piece(_join(self.argument()) + "\u0304", "word")]
        if name == "mathrm":
            return [Piece(_join(self.argument()), "word")]
        raise self.unknown(token)

    def script(self, sign, base):
        """Lower or raise what comes next, beside a piece."""
        digit = self.tokens and self.tokens[-1].isdigit()    # w_1, not w_{i1}
        inner = self.argument()
        text = _join(inner)
        if sign == "_":
            base.text += text.translate(LOWERED) if digit else _index(inner)
        elif base.kind == "fraction":
            base.text, base.kind = f"({base.text})^{_bracketed(inner)}", "word"
        elif re.fullmatch(r"-?\d+", text):
            base.text += text.translate(RAISED)
        else:
            raised = _bracketed(inner)
            base.text += f"^({raised})" if raised[-1] == "]" else f"^{raised}"
        if base.kind in ("letters", "number", "sign"):
            base.kind = "word"

    def argument(self):
        """What a command or script applies to: a group in braces, or one character."""
        while self.tokens and self.tokens[-1].isspace():
            self.tokens.pop()
        token = self.tokens.pop() if self.tokens else ""
        group = self.group("}") if token == "{" else []
        if token in ("", "{") and not group:
            raise ValueError(f"plain: something is missing in {self.latex}")
        if group:
            return group
        if token.isalnum():                          # of x_ab, a alone
            self.tokens += [token[1:]] * (len(token) > 1)
            token = token[0]
        return self.piece(token)

    def unknown(self, token):
        return ValueError(f"plain: {token} is not known, in {self.latex}")


def _kind(token):
    for kind, found in (("letters", token.isalpha()), ("number", token[0].isdigit()),
                        ("times", token.isspace()), ("open", token in "(["),
                        ("close", token in ")]"), ("relation", token in "+-=<>"),
                        ("comma", token in ",;.")):
        if found:
            return kind
    return "other"


def _index(pieces):
    """Index brackets: [n,o] of no, letter by letter; [n, c, sp+i] of n, c, sp+i."""
    parts = [[]]
    for piece in pieces:
        if piece.kind == "comma":
            parts.append([])
        elif piece.kind not in ("times", "space"):
            parts[-1].append(piece)
    indices = []
    for part in parts:
        text, kinds = "".join(piece.text for piece in part), [p.kind for p in part]
        apart = kinds[:1] != ["number"] and {"letters", "number", "sign"} >= set(kinds)
        indices += text if apart else [text]
    return f"[{(', ' if len(parts) > 1 else ',').join(indices)}]"


def _bracketed(pieces):
    """The pieces as one factor: in brackets, unless there is but one."""
    text = _join(pieces)
    one = len(pieces) == 1 and pieces[0].kind != "fraction"
    closed = text[:1] == "(" and text.find(")") == len(text) - 1
    return text if one or closed else f"({text})"


def _join(pieces):
    """The text of pieces in a row: factors apart, a fraction among them in brackets."""
    text, k = "", 0
    kinds = ["open", *(p.kind for p in pieces if p.kind != "times"), "close"]
    for piece in pieces:
        k += piece.kind != "times"
        if piece.kind in ("times", "space"):
            closed = text.rstrip()
            text = closed + max(text[len(closed):], piece.text, key=len)
            continue
        before, after, new = kinds[k - 1], kinds[k + 1], piece.text
        if piece.kind == "fraction" and (
                before not in ("relation", "open", "comma", "space")
                or after not in ("relation", "close", "comma", "space")):
            new = f"({new})"
        if text[-1:] not in ("", " ") and _apart(before, text[-1], piece.kind):
            text += " "
        text += new
    return text


def _apart(before, last, kind):
    """Whether a space must part two pieces that none parts in the LaTeX."""
    if before in ("relation", "open", "other") or kind in (
            "relation", "close", "comma", "other"):
        return False
    if kind == "open":
        return before in ("sum", "fraction")
    return last in ")]" or before in ("word", "sum", "fraction", "function") or (
        kind in ("sum", "fraction", "function"))
