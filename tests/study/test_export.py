import ast
import json
import os
import re
import shutil
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from made import KINDS, PICTURES, WORDS, make_run

from numnet import (Conv2d, Dropout, Linear, Sequential, checkpoint, dropout, flatten,
                    max_pool2d, relu, runs, safetensors, tanh)
from numnet.__main__ import main
from numnet.data import sort_of_clevr as clevr
from numnet.data.images import prepare
from numnet.data.text import Tokenizer
from numnet.study import export, formulas, torch_code

each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """For each kind a run and, in its folder "out", what is written of it."""
    folder = tmp_path_factory.mktemp("runs")
    for kind in KINDS:
        (folder / kind).mkdir()
        config, model, _ = runs.open_run(make_run(folder / kind, kind))
        export.write(folder / kind / "out", config, model)
    return folder


def code_of(exported, kind):
    return (exported / kind / "out" / "model_torch.py").read_text(encoding="utf-8")


def definitions(text):
    return {node.name: node for node in ast.parse(text).body
            if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


# ---- what is written ----------------------------------------------------------------

@each_kind
def test_the_module_defines_what_it_uses_and_uses_what_it_defines(kind, exported):
    text = code_of(exported, kind)
    asking, = re.findall(r"import (\w+), load", text)
    used = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    imported = {alias.asname or alias.name for node in ast.parse(text).body
                if isinstance(node, (ast.Import, ast.ImportFrom))
                for alias in node.names}
    defined = set(definitions(text))
    assert imported <= used and defined - {"load", asking} <= used
    assert not (set(definitions(torch_parts())) - defined) & used
    assert "numnet" not in re.sub('(?s)^""".*?"""', "", text)
    assert max(map(len, text.splitlines())) <= 88 and text.endswith("\n")
    assert "\n\n\n\n" not in text and not re.search(r" +\n", text)
    compile(text, kind, "exec", dont_inherit=True)


def torch_parts():
    return "\n".join((torch_code.PARTS / f"{name}.py").read_text(encoding="utf-8")
                     for name in torch_code.FILES)


def test_every_part_is_in_some_network_and_stands_there_as_it_is_written(exported):
    source, found = torch_parts(), set()
    for kind in KINDS:
        text = code_of(exported, kind)
        for name, node in definitions(text).items():
            found.add(name)
            assert name == "network" or ast.get_source_segment(text, node) in source
    assert found == set(definitions(source))


def test_the_parts_name_formulas_that_exist():
    tags = formulas.cited(torch_parts())
    assert len(tags) > 20 and tags <= {each.tag for each in formulas.read()}


def test_the_network_is_written_as_one_would_write_it(exported):
    network = definitions(code_of(exported, "attention, lstm"))["network"]
    assert ast.unparse(network.body[1].value) == ast.unparse(ast.parse(f"""
SequenceClassifier(
    image_encoder=nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(), Cells()),
    text_encoder=TextEncoder(
        embedding=nn.Embedding({len(WORDS) + 2}, 16),
        reader=LSTM(16, 64),
        pool=every_step),
    fusion=CrossAttention(32, 64, heads=4),
    head=nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 5)))"""))


@each_kind
def test_the_weights_are_the_runs_transposed_where_pytorch_has_them_so(kind, exported):
    found = dict(safetensors.load(exported / kind / "out" / "weights.safetensors"))
    _, model, _ = runs.open_run(exported / kind)
    state = model.state_dict()
    for name, value in state.items():
        path, _, own = name.rpartition(".")
        recurrent = f"{path}.wx" in state
        there = {"wx": "weight_ih_l0", "wh": "weight_hh_l0", "b": "bias_ih_l0"} if \
            recurrent else {"w": "weight", "b": "bias"}
        path = path.replace("layers.", "") + "." * bool(path)
        array = found.pop(path + there.get(own, own))
        as_it_is = re.search(r"embedding|positions|^image\.3\.", path)
        assert (array == (value if as_it_is or value.ndim > 2 else value.T)).all(), name
        assert array.dtype == np.float32
        if recurrent and own == "b":
            assert not found.pop(path + "bias_hh_l0").any()
    assert not found


def test_a_linear_map_is_transposed_and_a_convolution_is_not():
    rng = np.random.default_rng(0)
    model = Sequential(Conv2d(3, 4, 2, rng), relu, Linear(5, 6, rng))
    weights = export.in_pytorch(model)
    values = {name: p.value for name, p in model.named_parameters().items()}
    assert list(weights) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert (weights["2.weight"] == values["layers.2.w"].T).all()
    assert (weights["0.weight"] == values["layers.0.w"]).all()


def test_model_json_holds_the_words_the_answers_and_the_size(exported):
    for kind, size, shrink in (("average, rnn", 64, 2), ("article", 64, 1),
                               ("hops", 75, 1), ("measure", 64, 2)):
        about = json.loads((exported / kind / "out" / "model.json").read_text("utf-8"))
        config = runs.read_config(exported / kind)
        assert (about["size"], about["shrink"]) == (size, shrink)
        assert about["words"] == ["<pad>", "<unk>", *config.words]
        assert about["answers"] == list(config.answers)
        assert ("measures" in about) == (kind == "measure")


@pytest.mark.parametrize("layer, name", [
    (tanh, "tanh"), (partial(dropout, rate=0.1, rng=None), "partial"),
    (Dropout(0.1, None), "Dropout")])
def test_a_layer_without_a_counterpart_is_named(layer, name):
    with pytest.raises(ValueError, match=f"no counterpart of {name}"):
        torch_code.written(Sequential(Linear(2, 3, np.random.default_rng(0)), layer))


def test_the_options_of_a_layer_are_written_too():
    rng = np.random.default_rng(0)
    pool = partial(max_pool2d, kernel_size=3, stride=2, padding=1)
    for layer, code in ((pool, "nn.MaxPool2d(3, stride=2, padding=1)"),
                        (Conv2d(2, 3, (4, 5), rng, dilation=2, needs_dx=False),
                         "nn.Conv2d(2, 3, (4, 5), dilation=2)")):
        assert torch_code.written(layer) == code


def test_code_that_is_too_long_is_put_on_several_lines():
    rng = np.random.default_rng(0)
    layers = Sequential(*[each for k in range(5)
                          for each in (Linear(100, 100, rng), relu, flatten, relu,
                                       flatten, relu, flatten)])
    text = torch_code._fit(torch_code.written(layers), 4)
    assert max(map(len, text.splitlines())) < 88 and len(text.splitlines()) > 5
    assert ast.unparse(ast.parse(text)) == torch_code._flat(torch_code.written(layers))


# ---- the command --------------------------------------------------------------------

def said(capsys, *arguments):
    """The exit code, what is printed, and the error's one line."""
    capsys.readouterr()
    code = main(list(map(str, arguments)))
    out, err = capsys.readouterr()
    assert err.count("\n") == (code == 2) and "Traceback" not in err
    return code, out, err


def test_the_command_writes_three_files_and_says_where(exported, tmp_path, capsys):
    run = exported / "average, rnn"
    code, out, _ = said(capsys, "export", run, "-o", tmp_path / "new" / "out")
    _, model, _ = runs.open_run(run)
    weights = sum(p.value.size for p in model.parameters())
    assert code == 0 and f"{weights:,} weights" in out and "new" in out
    for name in "model.json", "model_torch.py", "weights.safetensors":
        assert (tmp_path / "new" / "out" / name).read_bytes() == \
            (run / "out" / name).read_bytes()


def test_what_cannot_be_exported_is_one_line_and_nothing_is_written(exported, tmp_path,
                                                                    capsys):
    run = exported / "average, rnn"
    assert "is not empty" in said(capsys, "export", run, "-o", run / "out")[2]
    assert "is not a run" in said(capsys, "export", tmp_path, "-o", tmp_path / "a")[2]
    shutil.copytree(run, tmp_path / "blind", ignore=shutil.ignore_patterns("out"))
    config = json.loads((run / "config.json").read_text("utf-8"))
    checkpoint.write_text(tmp_path / "blind" / "config.json",
                          json.dumps(config | {"inputs": "text only"}))
    assert "must see pictures and questions" in said(
        capsys, "export", tmp_path / "blind", "-o", tmp_path / "a")[2]
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").write_text("mine")
    assert said(capsys, "export", run, "-o", tmp_path / "file")[0] == 2
    assert (tmp_path / "file").read_text() == "mine"


def test_without_pytorch_nothing_is_compared_and_that_is_said(exported, tmp_path,
                                                              capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    code, out, err = said(capsys, "export", exported / "hops", "-o", tmp_path / "out",
                          "--verify")
    assert code == 2 and "PyTorch is not installed, so nothing was compared" in err
    assert (tmp_path / "out" / "model_torch.py").exists() and "weights" in out


# ---- in PyTorch ---------------------------------------------------------------------

@each_kind
def test_output_loss_and_every_gradient_are_the_same_in_pytorch(kind, exported):
    pytest.importorskip("torch")
    config, model, task = runs.open_run(exported / kind)
    rows = export.compare(exported / kind / "out", config, model, task)
    assert [name for name, _ in rows[:2]] == ["the output", "the loss"]
    assert len(rows) == 2 + len(model.parameters())
    for name, error in rows:
        assert error <= 1e-10, name
    for name, p in model.named_parameters().items():
        assert name.endswith((".k.b", ".k.layers.0.b")) or np.abs(p.grad).max() > 1e-4


def test_verify_says_how_well_the_two_agree(exported, tmp_path, capsys):
    pytest.importorskip("torch")
    code, out, _ = said(capsys, "export", exported / "shared, lstm", "-o",
                        tmp_path / "out", "--verify")
    assert code == 0
    assert re.search(r"the loss and 18 gradients are the same, to \de-1\d", out)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "model.json", "model_torch.py", "weights.safetensors"]


@pytest.mark.parametrize("weight", ["text_encoder.reader.weight_hh_l0",
                                    "fusion.gate.weight", "head.2.bias"])
def test_a_weight_that_is_laid_out_wrongly_is_noticed(weight, exported, tmp_path):
    """Turned about, so that it has its shape but lies in other places."""
    pytest.importorskip("torch")
    shutil.copytree(exported / "gated, rnn" / "out", tmp_path / "out")
    weights = dict(safetensors.load(tmp_path / "out" / "weights.safetensors"))
    weights[weight] = weights[weight].ravel()[::-1].reshape(weights[weight].shape)
    safetensors.save(tmp_path / "out" / "weights.safetensors", weights, {"a": "b"})
    rows = export.compare(tmp_path / "out", *runs.open_run(exported / "gated, rnn"))
    assert max(error for _, error in rows) > 1e-4


def test_a_network_that_computes_something_else_is_noticed(exported, tmp_path, capsys):
    pytest.importorskip("torch")
    shutil.copytree(exported / "gated, rnn" / "out", tmp_path / "out")
    path = tmp_path / "out" / "model_torch.py"
    text = path.read_text("utf-8")
    for right, wrong in (("g * image + (1 - g) * text", "g * text + (1 - g) * image"),
                         ("lengths - 1]", "lengths - 2]"), ("return self.head(",
                         "return torch.nan * self.head(")):
        assert right in text
        path.write_text(text.replace(right, wrong), "utf-8")
        rows = export.compare(path.parent, *runs.open_run(exported / "gated, rnn"))
        assert export.report(rows) == 1
        assert re.search("the (output|loss|gradient .*) differs by .* more than 1e-10",
                         capsys.readouterr().out)


ALONE = """
import os, re, sys
sys.path.remove(os.getcwd()) if os.getcwd() in sys.path else None
for folder in sys.argv[1:]:
    os.chdir(folder)
    sys.path.insert(0, folder)
    sys.modules.pop("model_torch", None)
    text = open("model_torch.py", encoding="utf-8").read()
    example = text.partition("numnet:\\n\\n")[2].partition("\\n\\n")[0]
    exec("\\n".join(line[4:] for line in example.splitlines()))
    sys.path.remove(folder)
assert not any(name.split(".")[0] == "numnet" for name in sys.modules)
"""


def test_the_folder_alone_answers_as_predict_does(exported, tmp_path, capsys):
    """Its own example, word for word, in a process that knows nothing of numnet."""
    pytest.importorskip("torch")
    from PIL import Image
    kinds = ["concatenation, rnn", "attention, attention", "yes-no", "measure",
             "article", "hops", "match"]
    folders = []
    for kind in kinds:
        folders.append(shutil.copytree(exported / kind / "out", tmp_path / kind))
        pixels = (clevr.generate(np.random.default_rng(3), 1)[0][0] if kind == "hops"
                  else PICTURES.images[1])
        Image.fromarray(pixels).save(folders[-1] / "picture.png")
    environment = {name: value for name, value in os.environ.items()
                   if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-W", "error", "-c", ALONE,
                           *map(str, folders)], cwd=tmp_path, env=environment,
                          capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    *lines, similarity = done.stdout.splitlines()
    for kind, line in zip(kinds, lines):
        text = code_of(exported, kind)
        question, = re.findall(r'picture, "(.*)"\)\)', text)
        _, out, _ = said(capsys, "predict", exported / kind, "--image",
                         tmp_path / kind / "picture.png", "--question", question,
                         "--top", 99)
        if kind == "measure":
            assert float(line) == pytest.approx(float(out), abs=0.00051)
        else:
            rows = [row.split() for row in out.splitlines()]
            for (answer, share), row in zip(ast.literal_eval(line).items(), rows,
                                            strict=True):
                assert answer == row[0]
                assert 100 * share == pytest.approx(float(row[1]), abs=0.0051)
    assert -1 <= float(similarity) <= 1


def test_the_similarity_of_a_caption_is_that_of_the_joint_embedding(exported):
    pytest.importorskip("torch")
    config, model, _ = runs.open_run(exported / "match")
    module = executed(exported, "match")
    network = module["load"]()
    for text in "a blue circle", "a red triangle":
        ids, lengths = Tokenizer(config.words).encode([text])
        (u, v), _ = model(images=prepare(PICTURES.images[:1]), ids=ids,
                          lengths=lengths)
        assert module["similarity"](network, PICTURES.images[0], text) == \
            pytest.approx(float(u[0] @ v[0]), abs=1e-6)


def executed(exported, kind):
    """The names that an exported module defines."""
    path = exported / kind / "out" / "model_torch.py"
    module = {"__name__": "model_torch", "__file__": str(path)}
    exec(compile(path.read_text(encoding="utf-8"), path, "exec"), module)
    return module


def test_a_text_is_split_as_numnet_splits_it(exported):
    pytest.importorskip("torch")
    module = executed(exported, "match")
    tokenizer = Tokenizer(runs.read_config(exported / "match").words)
    for text in ("A blue circle", "isn't a  CIRCLE?", "cafe\u0301 blue-ish ４2", "a\tb"):
        ids, lengths = tokenizer.encode([text])
        their_ids, their_lengths = module["encode"](text)
        assert their_ids.tolist() == ids.tolist()
        assert their_lengths.tolist() == lengths.tolist()


def test_a_picture_of_another_size_is_refused_by_the_module(exported):
    torch = pytest.importorskip("torch")
    module = executed(exported, "match")
    for picture in (torch.zeros(32, 32, 3, dtype=torch.uint8), torch.zeros(64, 64, 3)):
        with pytest.raises(ValueError, match="must be 64 x 64 x 3 bytes"):
            module["prepare"](picture)
