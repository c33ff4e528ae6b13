import io
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from elsewhere import environment

from numnet import recipes, runs
from numnet.__main__ import main
from numnet.data import derived, shapes
from numnet.data.text import Tokenizer
from numnet.module import Module
from numnet.study.cases import CASES
from numnet.study.network import one_example
from numnet.study.stepper import watch

ARRAY = re.compile(r"    (\S+)  (\([\d, ]*\)) (\w+)   (.*)")
TAG = re.compile(r"\((\w+\.\d+)\)  \S")


def step(capsys, *arguments):
    """What the command prints without stopping."""
    assert main(["step", *arguments, "--all"]) == 0
    return capsys.readouterr().out


def tags(text):
    """The tags shown, in order."""
    return [match[1] for match in map(TAG.match, text.splitlines()) if match]


def arrays(text):
    """The arrays described in a text: a list of (name, shape, dtype, numbers)."""
    found = []
    for match in filter(None, map(ARRAY.match, text.splitlines())):
        numbers = [float(x) for x in re.findall(r"-?\d[\d.e+-]*", re.sub(
            r"\|.*?\|", "", match[4]))]
        found.append((match[1], match[2], match[3], numbers))
    return found


def told(name, array):
    """As `arrays` should find it."""
    numbers = ([array[()]] if array.ndim == 0 else
               [array.min(), array.max(), np.abs(array).mean()])
    return (name, str(array.shape), str(array.dtype),
            pytest.approx([float(x) for x in numbers], rel=1e-3))


def own_results(case):
    """An op's own values and gradients, for the dy that the command takes."""
    op, args, options = CASES[case](np.random.default_rng(0))
    rng = np.random.default_rng(1)
    with watch() as steps:
        y, backward = op(*args, **options)
        forward = len(steps)
        dy = rng.normal(size=y.shape) if y.ndim else 1.0
        grads = backward(dy)
    return op, y, grads, steps, forward


# ---- what is printed -----------------------------------------------------------------

@pytest.mark.parametrize("case", ["conv2d", "attention", "linear", "cross_entropy",
                                  "layer_norm", "attention, all three"])
def test_each_line_is_shown_in_order_with_its_own_numbers(case, capsys):
    text = step(capsys, case)
    _, y, grads, steps, forward = own_results(case)
    before, after = text.split("\n=== backward: ")
    first = {step.tag: step for step in reversed(steps)}     # the first turn of each
    assert tags(before) == list(dict.fromkeys(s.tag for s in steps[:forward]))
    assert tags(after) == list(dict.fromkeys(s.tag for s in steps[forward:]))
    for block in text.split("\n\n"):
        if match := TAG.match(block):
            assert arrays(block) == [told(name, array) for name, array
                                     in first[match[1]].arrays.items()]
    value = before.split("=== the value\n")[1]
    assert arrays(value) == [told("loss" if y.ndim == 0 else "y", y)]
    shown = arrays(after.split("=== the gradients\n")[1])
    grads = grads if isinstance(grads, tuple) else (grads,)
    assert [name for name, *_ in shown] == after.split(" = ")[0].split(", ")
    assert shown == [told(name, grad) for (name, *_), grad in zip(shown, grads)]


def test_up_to_16_values_are_printed_rounded(capsys):
    text = step(capsys, "linear")
    _, _, (_, dw, db), _, _ = own_results("linear")
    end = text.split("=== the gradients\n")[1]
    printed = [float(x) for x in re.findall(r"-?\d+\.\d*", end.split("dw  (")[1]
                                            .split("\n", 1)[1].split("    db")[0])]
    assert dw.size == 12
    assert printed == pytest.approx(dw.ravel().tolist(), abs=6e-5)
    assert np.array2string(db, precision=4, suppress_small=True) in end
    assert "    y  (5, 4)" in text and "[[" not in text.split("    y  (5, 4)")[1][:70]


def test_a_line_has_its_formula_its_place_and_its_code(capsys):
    assert re.search(r"\n\(conv2d\.4\)  db\[o\] = Σ\[n,p,q\] dy\[n,o,p,q\]\n"
                     r"    numnet/convolution\.py:\d+\n"
                     r"        db = dkernel\[-1\]\n"
                     r"    db  \(7,\) float64   min ", step(capsys, "conv2d"))


def test_later_turns_of_a_loop_are_counted_and_shown_on_request(capsys):
    text = step(capsys, "rnn")
    assert tags(text).count("rnn.1") == tags(text).count("rnn.3") == 1
    assert "… 3 more turns of (rnn.1), (rnn.2) passed over" in text
    assert "… 3 more turns of (rnn.3), (rnn.4), (rnn.5) passed over" in text
    every = step(capsys, "rnn", "--turns")
    assert tags(every) == [s.tag for s in own_results("rnn")[3]]
    assert "turn 4 of the loop" in every and "passed over" not in every


@pytest.mark.parametrize("case", CASES)
def test_every_case_can_be_stepped_through(case, capsys):
    text = step(capsys, case, "--turns")
    op, args, options = CASES[case](np.random.default_rng(0))
    with watch() as steps:
        y, backward = op(*args, **options)
        parts = y if isinstance(y, tuple) else (y,)
        backward(*(np.ones_like(part) for part in parts))
    assert tags(text) == [s.tag for s in steps] != []
    if isinstance(op, Module):
        end = text.split("=== the gradients\n")[1]
        assert all(f"    {name}.grad  " in end for name in op.named_parameters())


def test_the_whole_network_goes_from_picture_to_loss_and_back(capsys):
    text = step(capsys, "--model")
    assert len(re.findall(r"^picture [01]: ", text, re.MULTILINE)) == 3
    before, after = text.split("\n=== backward: ")
    forward, backward = tags(before), tags(after)
    assert forward[0] == "conv2d.1" and forward[-1] == "cross_entropy.1"
    assert backward[:2] == ["cross_entropy.2", "cross_entropy.3"]
    assert {"relu.1", "max_pool2d.1", "rnn.2", "concatenate.1"} <= set(forward)
    assert {"relu.2", "max_pool2d.2", "rnn.5", "conv2d.3", "apply.1"} <= set(backward)
    assert "for image_encoder.layers.3\n" in before
    assert "for image_encoder.layers.3\n" in after
    network, inputs, model = one_example()
    loss, network_backward = network(**inputs)
    network_backward()
    assert arrays(before.split("=== the value\n")[1]) == [told("loss", loss)]
    assert "    dloss  () float32   1\n" in after
    assert arrays(after.split("=== the gradients\n")[1]) == [
        told(f"{name}.grad", p.grad) for name, p in model.named_parameters().items()]
    assert all(p.grad.any() for p in model.parameters())


def test_the_network_of_a_run_is_stepped_through(capsys, monkeypatch):
    data = derived.yes_or_no(shapes.generate(np.random.default_rng(3), 4))
    words = tuple(Tokenizer.fit(data.question).words[2:])
    config = recipes.Config("shapes", task="yes-no", words=words, text="lstm",
                            answers=("no", "yes"))
    monkeypatch.setattr(runs, "open_run", lambda run: (config, *recipes.build(config)))
    monkeypatch.setattr(recipes, "sources", lambda config: (None, None, data))
    text = step(capsys, "--run", "somewhere")
    assert len(re.findall(r"^picture [01]: .* (yes|no)$", text, re.MULTILINE)) == 3
    assert {"lstm.1", "lstm.7", "binary_cross_entropy.1"} <= set(tags(text))


# ---- what may be asked for -----------------------------------------------------------

def test_without_an_op_the_ops_are_listed(capsys):
    assert main(["step"]) == 0
    listed = set(capsys.readouterr().out.replace("\n", "  ").split("  "))
    assert {case.split(",")[0] for case in CASES} <= listed


def test_other_examples_of_the_op_are_named(capsys):
    assert '"rnn, lengths"' in step(capsys, "rnn").splitlines()[0]


@pytest.mark.parametrize("arguments, complaint", [
    (["atention"], "step: there is no example of 'atention', the nearest is attention"),
    (["conv2d", "--model"], "step: an op or --model, not both"),
])
def test_what_cannot_be_is_one_line_and_exit_2(arguments, complaint, capsys):
    assert main(["step", *arguments]) == 2
    out, error = capsys.readouterr()
    assert (out, error) == ("", f"numnet: {complaint}\n")


def test_a_run_that_is_not_there_is_one_line_and_exit_2(tmp_path, capsys):
    assert main(["step", "--run", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


# ---- the keys ------------------------------------------------------------------------

class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def typed(monkeypatch, capsys):
    """Step through an op with these lines typed; what was printed after each prompt."""
    def run(op, *lines, code=0):
        monkeypatch.setattr("sys.stdin", Terminal("".join(f"{x}\n" for x in lines)))
        assert main(["step", op]) == code
        assert sys.gettrace() is before
        out, error = capsys.readouterr()
        assert error == ""
        return out.split("\n> ")
    before = sys.gettrace()
    return run


def test_enter_goes_from_line_to_line(typed):
    parts = typed("linear", "", "", "", "")
    assert [tags(part) for part in parts] == [
        ["linear.1"], ["linear.2"], ["linear.3"], ["linear.4"], []]
    assert "=== the gradients" in parts[-1]


def test_b_goes_on_to_the_backward_and_says_what_it_passed(typed):
    parts = typed("attention", "b", "b", "q")
    assert tags(parts[0]) == ["attention.1"]
    assert "… 2 lines passed over" in parts[1] and tags(parts[1]) == ["attention.4"]
    assert parts[2].startswith("This is the backward.")


def test_c_goes_on_to_the_end_without_stopping(typed):
    parts = typed("conv2d", "c")
    assert len(parts) == 2
    assert tags(parts[1]) == ["conv2d.2", "conv2d.3", "conv2d.4"]


def test_l_shows_every_turn_until_it_is_typed_again(typed):
    parts = typed("rnn", "l", "", "", "l", "", "q")
    assert [tags(part) for part in parts] == [
        ["rnn.1"], ["rnn.2"], ["rnn.1"], ["rnn.2"], ["rnn.3"], ["rnn.4"], []]
    assert "turn 2 of the loop" in parts[2]
    assert "… 2 more turns of (rnn.1), (rnn.2) passed over" in parts[4]


def test_p_evaluates_in_the_frame_and_shows_errors(typed):
    parts = typed("linear", "p x.shape, w.shape", "p [np.ndim(v) * b.size for v in x]",
                  "p nothing", "p 1 +", "p", "", "p dx.shape", "q")
    assert parts[1] == "((5, 3), (3, 4))"
    assert parts[2] == "[4, 4, 4, 4, 4]"
    assert parts[3] == "NameError: name 'nothing' is not defined"
    assert parts[4].startswith("SyntaxError: ")
    assert parts[5] == "b, n, rows, w, x, y"
    assert parts[7] == "(5, 3)"


def test_another_key_shows_the_keys_and_stays(typed):
    parts = typed("linear", "x.shape", "q")
    assert parts[1] in parts[0] and "leave" in parts[1]
    assert parts[2] == ""


@pytest.mark.parametrize("lines", [["q"], ["", "q"], [], ["", ""]])
def test_q_and_the_end_of_the_input_leave_cleanly(lines, typed):
    assert "=== the gradients" not in typed("linear", *lines)[-1]


def test_what_comes_of_an_op_is_as_without_the_reader(typed, capsys):
    assert typed("linear", "", "", "", "")[-1] in step(capsys, "linear")


# ---- as a command --------------------------------------------------------------------

def command(*arguments, **options):
    return subprocess.run([sys.executable, "-m", "numnet", *arguments], text=True,
                          env=environment(PYTHONIOENCODING="ascii"),
                          capture_output=True, **options)


@pytest.mark.parametrize("arguments", [["step", "rnn"], ["formulas"], ["step"],
                                       ["formulas", "adam"]])
def test_ascii_alone_is_enough_and_nothing_waits_for_a_key(arguments):
    done = command(*arguments, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii() and ">" not in done.stdout.splitlines()


@pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")
def test_a_real_terminal_is_asked():
    import pty
    ours, theirs = pty.openpty()
    os.write(ours, b"p 6 * 7\nq\n")
    done = command("step", "linear", stdin=theirs)
    os.close(ours)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (0, "")
    assert "> 42\n> " in done.stdout and tags(done.stdout) == ["linear.1"]


@pytest.mark.skipif(os.name != "posix", reason="needs a pipe that closes")
def test_a_reader_that_closes_the_pipe_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-m", "numnet", "formulas"], stdout=writing,
                          env=environment(), stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")
