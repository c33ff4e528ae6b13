"""The web book as a browser lays it out: measured in headless Chromium."""

import pytest

from study.browser import CHROMIUM, LINKS, WIDTHS

ROW = 23                                             # the height of a line of code

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium to measure")


@pytest.fixture(params=WIDTHS)
def report(browser, request):
    return [page for page in browser[str(request.param)] if "#" not in page["name"]]


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


@pytest.mark.parametrize("width", WIDTHS)
def test_following_a_tag_lands_on_its_card_and_lights_the_line(browser, width):
    followed = [page for page in browser[str(width)] if "#" in page["name"]]
    assert [page["name"] for page in followed] == LINKS
    for page in followed:
        assert page["target"]["id"] == page["name"].split("#")[1]
        assert 0 <= page["target"]["top"] <= 900 - ROW
        if "#eq" in page["name"] and "equations" not in page["name"]:
            assert len(page["target"]["lit"]) == 2
