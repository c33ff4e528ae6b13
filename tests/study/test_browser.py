"""The web book as a browser lays it out: measured in headless Chromium."""

import html
import json
import re
import shutil
import subprocess

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars",
         "--allow-file-access-from-files", "--enable-logging=stderr",
         "--virtual-time-budget=20000"]
ROW = 23                                             # the height of a line of code
MEASURE = """
function box(node) {
  const at = node.getBoundingClientRect();
  return {top: at.top, bottom: at.bottom, left: at.left, right: at.right};
}
function measure(frame) {
  const page = frame.contentDocument, all = query => [...page.querySelectorAll(query)];
  const target = page.querySelector(":target");
  const lit = target && all("[data-tag]").filter(each => target.dataset.tag &&
    getComputedStyle(each).backgroundColor == getComputedStyle(target).backgroundColor);
  return {
    name: frame.name, width: page.documentElement.clientWidth,
    needs: page.documentElement.scrollWidth,
    styled: page.styleSheets[0].cssRules.length,
    font: !page.querySelector("math") || page.fonts.check('16px "Book Math"'),
    images: all("img").filter(each => !each.naturalWidth).length,
    cards: all(".card").map(each => ({tag: each.dataset.tag, ...box(each),
      needs: each.firstChild.scrollWidth - each.firstChild.clientWidth,
      after: each.parentNode.nextElementSibling.id})),
    lines: all(".line").map(each => ({id: each.id, ...box(each),
      tags: each.dataset.tag ? each.dataset.tag.split(" ") : [],
      needs: each.lastChild.scrollWidth - each.lastChild.clientWidth})),
    docs: all(".doc").map(box), notes: all(".notes").map(box),
    target: target && {id: target.id, ...box(target),
                       lit: lit.map(each => each.id)},
  };
}
onload = () => {
  const report = [...document.querySelectorAll("iframe")].map(measure);
  document.body.replaceChildren(document.createElement("pre"));
  document.querySelector("pre").textContent = JSON.stringify(report);
};
"""

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium to measure")


def measured(book, pages, width):
    """What the browser says of each page, in frames of this width."""
    frames = "\n".join(f'<iframe name="{page}" src="{page}" width="{width}" '
                       f'height="900" style="border:0"></iframe>' for page in pages)
    (book / "frames.html").write_text(
        f"<!doctype html><meta charset=utf-8><script>{MEASURE}</script>{frames}",
        encoding="utf-8")
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={book / 'profile'}",
         "--window-size=1400,900", "--dump-dom", (book / "frames.html").as_uri()],
        capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert "CONSOLE" not in done.stderr, done.stderr
    report = json.loads(html.unescape(re.search("<pre>(.*)</pre>", done.stdout)[1]))
    assert [each["name"] for each in report] == list(pages)
    return report


@pytest.fixture(scope="module", params=[1320, 520])
def report(book, request):
    pages = sorted(path.name for path in book.glob("*.html"))
    return measured(book, [name for name in pages if name != "frames.html"],
                    request.param)


def test_every_page_loads_and_is_no_wider_than_the_window(report):
    for page in report:
        assert page["styled"] > 50 and page["font"] and not page["images"], page["name"]
        assert page["needs"] <= page["width"], page["name"]


def test_no_formula_and_no_code_line_is_cut_off(report):
    cut = [(page["name"], each.get("tag", each.get("id")), each["needs"])
           for page in report for each in page["cards"] + page["lines"]
           if each["needs"] > 0]
    assert cut == []


def test_a_card_is_level_with_its_line_or_right_above_it(report):
    for page in report:
        seen = set()                                 # with a card at an earlier line
        for line in page["lines"]:
            cards = [card for card in page["cards"] if card["after"] == line["id"]]
            assert [card["tag"] for card in cards] == [
                tag for tag in line["tags"] if tag not in seen], (page["name"], line)
            seen |= set(line["tags"])
            if not cards:
                continue
            top, bottom = cards[0]["top"], cards[-1]["bottom"]
            where = (page["name"], line["id"], top, bottom)
            if page["width"] > 1200:
                assert max(card["right"] for card in cards) <= line["left"], where
                assert top < line["bottom"] and line["top"] < bottom, where
            else:
                assert 0 <= line["top"] - bottom < ROW, where


def test_nothing_overlaps_and_formulas_leave_no_gaps_in_the_code(report):
    for page in report:
        for column in (page["notes"], page["lines"]):
            for above, below in zip(column, column[1:]):
                assert above["bottom"] <= below["top"] + 1, (page["name"], above, below)
        if page["width"] > 1200:
            docs = [doc["top"] for doc in page["docs"]]
            for above, below in zip(page["lines"], page["lines"][1:]):
                if not any(above["top"] < top < below["top"] for top in docs):
                    gap = below["top"] - above["top"]
                    assert gap <= 2 * ROW, (page["name"], above["id"], gap)


@pytest.mark.parametrize("width", [1320, 520])
def test_following_a_tag_lands_on_its_card_and_lights_the_line(book, width):
    links = ["numnet.convolution.html#eq-conv2d.3", "numnet.recurrent.html#eq-rnn.5",
             "equations.html#eq-conv2d.3", "numnet.linear.html#L27"]
    for page in measured(book, links, width):
        assert page["target"]["id"] == page["name"].split("#")[1]
        assert 0 <= page["target"]["top"] <= 900 - ROW
        if "#eq" in page["name"] and "equations" not in page["name"]:
            assert len(page["target"]["lit"]) == 2
