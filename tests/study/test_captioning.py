"""`numnet caption`, on a run that was trained a little."""

import numpy as np
import pytest
from matplotlib import image as files

from numnet import recipes, runs
from numnet.__main__ import main
from numnet.data import glyphs
from numnet.study.captioning import looks


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Four letters in four faces, learned by heart."""
    folder = tmp_path_factory.mktemp("letters") / "run"
    few = {"DejaVuSans", "DejaVuSans-Bold", "DejaVuSerif", "DejaVuSerif-Bold"}
    names = {"é": "latin small letter e with acute", "O": "latin capital letter o",
             "x": "latin small letter x", "Ñ": "latin capital letter n with tilde"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(glyphs, "letters", lambda: names)
        patch.setattr(glyphs.draw, "__defaults__", (tuple(few),))
        patch.setattr(glyphs, "HELD_OUT", 0.3)
        config = recipes.configure(data="glyphs", epochs=30, batch_size=4, seed=1)
        runs.start(config, folder, say=lambda line: None)
    return folder


@pytest.fixture
def letter(tmp_path):
    images, names, faces = glyphs.draw(["DejaVuSans"])
    picture = images[names.index("latin small letter e with acute")]
    files.imsave(tmp_path / "é.png", np.repeat(np.repeat(picture, 3, 0), 3, 1))
    return tmp_path / "é.png"


def test_the_likeliest_caption_comes_first_with_its_share(run, letter, capsys):
    assert main(["caption", str(run), "--image", str(letter), "--beam", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    shares = [float(line.split("%")[0]) for line in lines]
    assert len(lines) == 4 and shares == sorted(shares, reverse=True)
    assert sum(shares) <= 100.1
    assert lines[0].endswith("%  latin small letter e with acute")


def test_greedy_writing_gives_one_caption(run, letter, capsys):
    assert main(["caption", str(run), "--image", str(letter), "--beam", "1"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_where_it_looks_is_drawn_for_each_word(run, letter, tmp_path, capsys):
    out = tmp_path / "looks.png"
    assert main(["caption", str(run), "--image", str(letter), "-o", str(out)]) == 0
    from numnet.study.drawn import structure_of
    titles = [axes["title"] for axes in structure_of(out)[1:]]
    assert titles[:8] == ["picture", "latin", "small", "letter", "e", "with", "acute",
                          "(end)"]
    assert f"{out}: where it looks for each word" in capsys.readouterr().out


def test_each_map_shares_out_the_whole_attention(run):
    config, model, _ = runs.open_run(run)
    rng = np.random.default_rng(0)
    image = rng.random((3, 32, 32), dtype=np.float32)
    shares = looks(model, image, np.array([len(config.words) + 2, 3, 2]))
    assert shares.shape == (3, 4, 4)
    assert np.allclose(shares.sum(axis=(1, 2)), 1, atol=1e-5)
    assert np.ptp(shares, axis=0).max() > 0


@pytest.mark.parametrize("command, message", [
    (["predict", "RUN", "--image", "LETTER", "--question", "what is it?"],
     "this run writes captions (numnet caption), it takes no question"),
    (["caption", "RUN", "--image", "nothing.png"],
     "read: there is no picture nothing.png"),
    (["explain", "RUN", "--image", "LETTER", "--question", "what is it?"],
     "this run writes captions (numnet caption), it takes no question"),
    (["export", "RUN", "-o", "OUT"], "export: numnet/pytorch has no layers that write"),
    (["search", "RUN", "a circle"], "must be trained by --task match, its task is "
                                    "caption"),
    (["train", "--data", "glyphs", "--task", "answer", "--out", "OUT"],
     "--data glyphs does not go with --task answer"),
    (["train", "--task", "caption", "--fusion", "gated", "--out", "OUT"],
     "--task caption does not go with --fusion gated"),
])
def test_what_a_captioner_does_not_do_is_refused_in_one_line(command, message, run,
                                                             letter, tmp_path, capsys):
    given = {"RUN": run, "LETTER": letter, "OUT": tmp_path / "out"}
    assert main([str(given.get(word, word)) for word in command]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line
