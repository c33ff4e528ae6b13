"""What headless Chromium says of the pages of a book, in a wide and a narrow window.

As a program, `browser.py BOOK` prints as JSON, for each width, all pages and then those
of LINKS, which go to a place of a page, each page as `measure` below describes it.
"""

import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars",
         "--allow-file-access-from-files", "--enable-logging=stderr",
         "--virtual-time-budget=20000"]
WIDTHS = 1320, 520
LINKS = ["numnet.convolution.html#eq-conv2d.3", "numnet.recurrent.html#eq-rnn.5",
         "equations.html#eq-conv2d.3", "numnet.linear.html#L27"]
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
  const frames = [...document.querySelectorAll("iframe")], report = {};
  for (const width of WIDTHS) {
    for (const frame of frames)
      if (!frame.name.includes("#")) frame.width = width;
    report[width] = frames.filter(each => each.width == width).map(measure);
  }
  document.body.replaceChildren(document.createElement("pre"));
  document.querySelector("pre").textContent = JSON.stringify(report);
};
"""


def measured(book):
    """What the browser says of each page, which is loaded once, and of each link."""
    pages = sorted(path.name for path in Path(book).glob("*.html"))
    frames = [(page, WIDTHS[0]) for page in pages] + [
        (link, width) for width in WIDTHS for link in LINKS]
    frames = "\n".join(f'<iframe name="{page}" src="{book}/{page}" width="{width}" '
                       f'height="900" style="border:0"></iframe>'
                       for page, width in frames)
    Path("frames.html").write_text(
        f"<!doctype html><meta charset=utf-8><script>const WIDTHS = {[*WIDTHS]};"
        f"{MEASURE}</script>{frames}", encoding="utf-8")
    here = Path.cwd()
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={here / 'profile'}",
         "--window-size=1400,900", "--dump-dom", (here / "frames.html").as_uri()],
        capture_output=True, text=True, encoding="utf-8", timeout=300)
    assert "CONSOLE" not in done.stderr, done.stderr
    report = json.loads(html.unescape(re.search("<pre>(.*)</pre>", done.stdout)[1]))
    for width in WIDTHS:
        assert [page["name"] for page in report[str(width)]] == pages + LINKS
    return report


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1])))
