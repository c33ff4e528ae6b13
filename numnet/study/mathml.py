r"""Formulas on a page: LaTeX as MathML, which browsers draw by themselves.

latex2mathml translates, and what browsers would draw wrongly is mended here. Without
latex2mathml a formula is shown as plain text.
"""

import html
import re
import xml.etree.ElementTree as ET

try:
    from latex2mathml.converter import convert
except ImportError:                                  # the extra `book` is not there
    convert = None

OPERATOR = re.compile(r"\\operatorname\*?\{((?:[^{}]|\{[^{}]*\})*)\}"
                      r"(?:_(?:\{([^{}]*)\}|(\w)))?")
LETTERS = {"bold-italic": 0x1D468, "bold": 0x1D400, "italic": 0x1D434}
CHILDREN = {"mfrac": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "mroot": 2,
            "msubsup": 3, "munderover": 3}
SCRIPTED = ("msub", "msup", "msubsup", "munder", "mover", "munderover")
THIN = "0.167em"


def formula(latex, display=False):
    """A formula as HTML: MathML, or else plain text.

    Raises ValueError for LaTeX that is not understood: none is ever left in a page.
    """
    if convert is None:
        return _as_text(latex)
    try:
        text = convert(_prepared(latex), display="block" if display else "inline")
        tree = ET.fromstring(text.replace(' xmlns="http://www.w3.org/1998/Math/MathML"',
                                          ""))
    except Exception as error:                       # whatever a parser may raise
        raise ValueError(f"{latex} is no LaTeX that could be set "
                         f"({type(error).__name__})") from error
    for node in tree.iter():
        _mend(node)
    for node in tree.iter():
        _space_functions(node)
    left = [node.text for node in tree.iter()
            if node.text and re.search(r"[\\&]", node.text)]
    broken = [node.tag for node in tree.iter()
              if len(node) != CHILDREN.get(node.tag, len(node))]
    if left or broken:
        raise ValueError(f"{latex} leaves {', '.join(left + broken)} unset")
    return ET.tostring(tree, encoding="unicode")


def _as_text(latex):
    from numnet.study.plain import plain
    try:
        return f'<span class="plain">{html.escape(plain(latex))}</span>'
    except ValueError:                               # a lesson's, say, in many lines
        return f'<code class="plain">{html.escape(latex)}</code>'


def _prepared(latex):
    r"""The LaTeX that latex2mathml knows: no aligned, no \operatorname*{arg\,max}."""
    def operator(match):
        name, under = match[1].replace("\\,", " "), match[2] or match[3]
        name = rf"\text{{{name}}}"
        return rf"\underset{{{under}}}{{{name}}}" if under else name

    latex = re.sub(r"\\(begin|end)\{aligned\}", r"\\\1{align*}", latex)
    return OPERATOR.sub(operator, latex)


def _mend(node):
    """Say in MathML Core what an element says otherwise."""
    variant = node.get("mathvariant")
    if variant in LETTERS and node.text and node.text.isascii() and node.text.isalpha():
        first = LETTERS[variant]
        node.text = "".join(chr(first + ord(letter) - (71 if letter.islower() else 65))
                            for letter in node.text)
    if variant and variant != "normal":
        del node.attrib["mathvariant"]
    if align := node.attrib.pop("columnalign", None):
        node.set("class", align)
    if node.tag == "mo" and node.text in ("\u00af", "\u2015"):
        node.text = "\u203e"                         # a bar over a letter
    if node.tag == "mi" and node.text == "\u2032":
        node.tag = "mo"                              # a prime
    if node.tag == "msub" and node[0].text in ("max", "min"):
        node.tag = "munder"
        node[0].set("movablelimits", "true")
    upright = [each for each in node
               if each.tag == "mi" and each.get("mathvariant") == "normal"]
    if len(upright) > 1 and len(upright) == len(node):
        upright[0].text = "".join(each.text for each in upright)
        del upright[0].attrib["mathvariant"]         # several letters stand upright
        node[1:] = []


def _space_functions(row):
    """Set functions as operators: a thin space before tanh and behind, but no more."""
    children = list(row)
    if row.tag in SCRIPTED + ("mfrac", "mroot"):
        return
    for k, child in enumerate(children):
        core = child[0] if child.tag in SCRIPTED else child
        name = core.text if core.tag in ("mi", "mo") else None
        if not re.fullmatch("[a-z]{2,}", name or ""):
            continue
        before = children[k - 1] if k else core
        behind = children[k + 1] if k + 1 < len(children) else core
        joined = before.tag not in ("mo", "mspace") or before.text in (")", "]")
        core.set("lspace", THIN if joined and k else "0")
        joined = behind is not core and behind.tag != "mspace" and behind.text != "("
        core.set("rspace", THIN if joined else "0")
        core.tag = "mo"
