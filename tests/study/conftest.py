import pytest

from numnet.study.book import build


@pytest.fixture(scope="session")
def book(tmp_path_factory):
    """The folder of the whole book, built once."""
    folder = tmp_path_factory.mktemp("book")
    for name, data in build().items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    return folder
