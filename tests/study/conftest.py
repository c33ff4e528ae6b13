import json

import pytest


@pytest.fixture(scope="session")
def book(beside):
    """The folder of the whole book, built once."""
    folder, (_, error, code) = beside("book")
    assert code == 0, f"the book was not built:\n{error}"
    return folder


@pytest.fixture(scope="session")
def browser(book, beside):
    """What a browser says of the book's pages: study/browser.py."""
    _, (printed, error, code) = beside("browser")
    assert code == 0, f"the browser did not measure:\n{error}"
    return json.loads(printed)
