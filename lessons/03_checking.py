# %% [markdown]
# # Checking a gradient
#
# You will be able to check any backward pass without a second derivation, to choose the
# step of such a check, and to tell a wrong gradient from a wrong check.
#
# A wrong gradient raises nothing: the network learns, only worse. **How do you know
# that a backward is right?** Change an input a little and see what the value does.
#
# ## From many outputs to one number
# An op has many outputs. Draw any dy, hold it fixed, and make one number of them:
#
# $$ f(x) = \sum_k dy_k\, y_k(x) $$
# Its change is the left side of lesson 2's identity, so it is the right side too:
# $$ \dot{f} = \sum_k dy_k\, \dot{y}_k $$
# $$ \dot{f} = \sum_j dx_j\, \dot{x}_j $$
# Let only entry m move, at speed one. All terms but one are gone:
# $$ \dot{f} = dx_m $$
# So **dx is the list of slopes of f**, one for each entry of x. Measure each, compare.
#
# ## The central difference
# A smooth function near x is a sum of powers of the step h (Taylor's series). g is the
# slope we want; a and b depend on x only, and b is a sixth of the third derivative:
# $$ f(x + h) = f + g h + a h^2 + b h^3 + \cdots $$
# $$ f(x - h) = f - g h + a h^2 - b h^3 + \cdots $$
# Subtract. What has an even power is gone. Divide by 2h:
# $$ \frac{f(x + h) - f(x - h)}{2h} = g + b h^2 + \cdots $$
# So make h small! But f is rounded, to about ε of its size (the gap of lesson 1), and
# the difference of two nearly equal numbers keeps that error while it shrinks itself.
# Divided by h, the error is about ε / h, and grows. Between the two lies a best step.

# %%
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from numnet import relu, tanh
from numnet.study import plots
from numnet.study.gradcheck import check
from numnet.study.spread import spread

rng = np.random.default_rng(0)


def measured(op, x, dy, h):
    """The slope of f along each entry of x, in the dtype of x."""
    slopes = np.zeros_like(x)
    for m in range(len(x)):
        right, left = x.copy(), x.copy()
        right[m] += h
        left[m] -= h
        rise = (dy * op(right)[0]).sum() - (dy * op(left)[0]).sum()
        slopes[m] = rise / (2 * h)
    return slopes


x, dy = rng.normal(size=4), rng.normal(size=4)
dx = tanh(x)[1](dy)                                      # (tanh.2)
print("backward", dx.round(8))
print("measured", measured(tanh, x, dy, 1e-5).round(8))
assert np.allclose(dx, measured(tanh, x, dy, 1e-5), atol=1e-9)

# %% [markdown]
# ## The complex step
# Subtraction is the trouble, so do without it. Put a step along i into the same series,
# i² = -1:
# $$ f(x + ih) = f + i g h - a h^2 - i b h^3 + \cdots $$
# The slope stands in the imaginary part only, f and a in the real part only:
# $$ \frac{\mathrm{Im}\, f(x + ih)}{h} = g - b h^2 + \cdots $$
# Nothing is subtracted, so h may be so small that b h² is lost beside g.

# %%


def complex_step(op, x, dy, h=1e-30):
    slopes = np.zeros(len(x))
    for m in range(len(x)):
        moved = x.astype(complex)
        moved[m] += 1j * h
        slopes[m] = (dy * op(moved)[0]).sum().imag / h
    return slopes


error = abs(complex_step(tanh, x, dy) - dx).max()
print(f"worst error of the complex step {error:.1e}")
assert error < 1e-14

# %% [markdown]
# ## How large a step
# The same gradient, measured with steps of every size, in float32, in float64, and by
# the complex step. Each point is the worst of several entries. The third derivative of
# tanh is nowhere larger than 2, so b h² is at most h² / 3.

# %%
x, dy = rng.uniform(0.3, 1.5, 12), np.ones(12)
dx = tanh(x)[1](dy)
steps = 10.0 ** np.arange(-18, 0.1, 0.25)
errors = {"float32": [], "float64": [], "complex step": []}
for h in steps:
    for dtype in (np.float32, np.float64):
        one = [measured(tanh, x[k:k + 1].astype(dtype), dtype(1), dtype(h))[0]
               for k in range(12)]
        errors[np.dtype(dtype).name].append(np.abs(one - dx).max())
    errors["complex step"].append(np.abs(complex_step(tanh, x, dy, h) - dx).max())
best = {name: min(each) for name, each in errors.items()}
for name, each in errors.items():
    print(f"{name:>12}: best error {min(each):.0e} at h = {steps[np.argmin(each)]:.0e}")
assert best["complex step"] < 1e-14 < best["float64"] < 1e-9 < 1e-6 < best["float32"]
assert errors["float64"][0] > 0.1 and errors["complex step"][0] < 1e-14
cut = (steps > 1e-4) & (steps < 0.1)
assert (np.array(errors["float64"])[cut] < steps[cut] ** 2 / 3).all()

# %%
figure = Figure(figsize=(8.4, 4.4), layout="constrained")
axes = figure.subplots()
for (name, each), colour, marker in zip(
        errors.items(), (plots.ORANGE, plots.BLUE, "black"), "s^o"):
    floor = np.maximum(each, 1e-17)                      # a log axis has no 0
    axes.loglog(steps, floor, marker=marker, markersize=4, color=colour, label=name)
axes.loglog(steps, steps ** 2 / 3, "--", color=plots.GRAY, label="h² / 3")
axes.loglog(steps, np.finfo(float).eps / steps, ":", color=plots.GRAY,
            label="ε / h, float64")
axes.set(xlabel="step h", ylabel="worst error of the slope", ylim=(3e-18, 30))
axes.legend(loc="lower left", bbox_to_anchor=(0.0, 0.08))
axes.grid(alpha=0.3)
Path("figures").mkdir(exist_ok=True)
plots.save(figure, "figures/03_v_curve.png")

# %% [markdown]
# ![Error against step size, both axes logarithmic. Float32 and float64 are a V each:
# with smaller steps the error falls, then rises; the V of float64 is far deeper. The
# complex step falls on the same line, then stays flat.](figures/03_v_curve.png)
#
# The slope of (tanh.1), measured. On the right the series is cut off, and the error
# falls as h²; on the left rounding rules, and it grows as ε / h, until x + h is x and
# the difference is 0. The complex step has no left side. Float32 never gets near:
# **check gradients in float64**.
#
# ## The package's check
# `check` draws a random dy, measures every argument both ways, in float64, and returns
# a row for each gradient. It also refuses a backward that changes its input, or answers
# otherwise when called twice. Try it on an op that takes the mean away, so that every
# input moves every output:
# $$ y_k = x_k - \frac{1}{K} \sum_m x_m $$
# $$ \dot{y}_k = \dot{x}_k - \frac{1}{K} \sum_m \dot{x}_m $$
# Multiply by dy and sum; in the second part name k and m the other way round:
# $$ \sum_k dy_k\, \dot{y}_k
# = \sum_k \dot{x}_k \Big(dy_k - \frac{1}{K} \sum_m dy_m\Big) $$
# The bracket is dx: take the mean of dy away.

# %%


def center(x):
    return x - x.mean(), lambda dy: dy - dy.mean()


def forgets(x):
    return x - x.mean(), lambda dy: dy.copy()            # wrong: the mean moves too


def nothing(x):
    return x - x.mean(), np.zeros_like                   # wrong: all zeros


x = rng.normal(size=5)
for op in (tanh, center, forgets, nothing):
    [row] = check(op, x, rng=rng)
    print(f"{op.__name__:>8}: error {row.error:.0e}, by difference {row.central:.0e}, "
          f"{'passed' if row.passed else f'WRONG at {row.index}'}")
    assert row.passed == (op in (tanh, center))

# %% [markdown]
# ## What people get wrong
# **A dy of ones.** It is the same as checking the gradient of the sum. The outputs of
# `center` always sum to zero, so that sum has no slope, and a backward that returns
# nothing but zeros is found right. A random dy does not forgive.

# %%
ones = np.ones(5)
slopes = complex_step(nothing, x, ones)
print("slopes of the sum", slopes.round(12), " backward", nothing(x)[1](ones))
assert np.allclose(slopes, nothing(x)[1](ones))
assert not check(nothing, x, rng=rng)[0].passed

# %% [markdown]
# **An input on a kink.** `relu` keeps what is positive and puts 0 for the rest,
# (relu.1). Its slope is a switch [ … ], 1 where that is true, else 0. So, (relu.2):
# $$ dx_k = dy_k\, [x_k > 0] $$
# At 0 is a corner: no slope there, and no two ways agree. `spread` draws numbers that
# keep away from zero and from each other.
#
# **An op that drops imaginary parts.** Then the complex step measures nothing. When the
# two ways disagree so plainly, suspect the check before the gradient.

# %%
kink, dy = np.array([0.0]), np.array([1.0])
print("relu at 0: backward", relu(kink)[1](dy), "difference",
      measured(relu, kink, dy, 1e-5), "complex step", complex_step(relu, kink, dy))
assert not check(relu, np.zeros(3), rng=rng)[0].passed
assert check(relu, spread(rng, 3, 4), rng=rng)[0].passed
assert np.array_equal(relu(x)[1](ones), [1.0 if each > 0 else 0 for each in x])


def modulus(x):
    return np.abs(x), lambda dy: dy * np.sign(x)


[row] = check(modulus, spread(rng, 6), rng=rng)
print(f"np.abs: complex step {row.error:.1f}, difference {row.central:.0e}")
assert not row.passed and row.central < 1e-8

# %% [markdown]
# And what no gradient check can see: whether the *value* is the one you wanted. It says
# only that the backward belongs to the forward.
#
# ## Something to try
# Run `numnet check`: every op of the package, by both ways. Then change one sign in
# a copy of `tanh` and find the row that says so. Does a wrong *forward* fail the check?
