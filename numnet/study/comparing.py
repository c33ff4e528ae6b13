"""Two arrays, and in words what would make the one the other.

Each description tries one thing that goes wrong with gradients. It returns None, or
(kind, words), and only when the numbers say so: what it says would help, has been done
and has helped. The first that fits is told.
"""

import itertools

import numpy as np

CLOSE, CLOSE_IN_FLOAT32 = 1e-8, 1e-4                 # as a share of the largest entry


def close(ours, wanted):
    """Whether two arrays of one shape agree, up to rounding."""
    return not far(ours, wanted).any()


def same(ours, wanted):
    """Whether two arrays of any shapes agree, and not by being zero."""
    return ours.shape == wanted.shape and ours.any() and close(ours, wanted)


def far(ours, wanted):
    """Where two arrays of one shape differ by more than rounding. NaN is far."""
    share = CLOSE_IN_FLOAT32 if np.float32 in (ours.dtype, wanted.dtype) else CLOSE
    return ~(np.abs(ours - wanted) <= share * np.abs(wanted).max(initial=1e-30))


def compared(name, ours, wanted, trial, sums=(), mistakes=()):
    """What is wrong with the array of this name: (kind, words); kind "right": nothing.

    sums are lists of parts, (name, why it is there, array), that add up to `wanted`;
    mistakes are pairs of words and the array that they are true of.
    """
    bad = ~np.isfinite(ours)
    if bad.any():
        return "nan", (f"NaN or infinite at {bad.sum()} of {bad.size} entries, the "
                       f"first at {_place(bad.argmax(), ours)}")
    if ours.shape != wanted.shape:
        return (turned(name, ours, wanted) or reshaped(ours, wanted, trial)
                or not_summed(ours, wanted, trial) or other_axis(ours, wanted, trial))
    if close(ours, wanted):
        return ("right", "right") if ours.dtype == wanted.dtype else ("dtype", (
            f"right numbers, wrong dtype: {ours.dtype} where {wanted.dtype} came in "
            "(np.sqrt(5) and np.zeros(5) are float64, 5 ** 0.5 and np.zeros_like(x) "
            "are as what they meet)"))
    if not ours.any():
        return "zero", "all zero"
    return (rescaled(ours, wanted, trial) or turned(name, ours, wanted)
            or flipped(ours, wanted, trial) or factor(ours, wanted, trial)
            or portions(ours, wanted, trial, sums) or mistaken(ours, mistakes)
            or term(ours, wanted, trial) or factor_along(ours, wanted, trial)
            or differing(ours, wanted, trial))


# ---- another shape -------------------------------------------------------------------

def turned(name, ours, wanted):
    for axes in itertools.permutations(range(wanted.ndim)):
        array = ours.transpose(axes) if ours.ndim == wanted.ndim else ours
        if array.shape == wanted.shape and close(array, wanted):
            how = f"{name}.T" if axes == (1, 0) else f"{name}.transpose{axes}"
            return "transposed", f"right numbers, transposed: {how} is right"
    return None


def reshaped(ours, wanted, trial):
    if ours.size == wanted.size and close(ours.reshape(wanted.shape), wanted):
        return "shape", f"right numbers, wrong shape: {_shapes(ours, wanted, trial)}"
    return None


def not_summed(ours, wanted, trial):
    for axes in _subsets(ours.ndim):
        summed = ours.sum(axis=axes)
        if summed.shape == wanted.shape and close(summed, wanted):
            over = _letters(axes, ours, trial)
            return "not summed", (f"not summed over {over}: "
                                  f"{_shapes(ours, wanted, trial)}")
    return None


def other_axis(ours, wanted, trial):
    left, got = trial.axes(wanted.shape), trial.axes(ours.shape)
    text = _shapes(ours, wanted, trial)
    if sorted(left) == sorted(got):
        return "shape", f"wrong shape, its axes in another order: {text}"
    lost = [letter for letter in left if letter not in got]
    if ours.ndim == wanted.ndim and len(lost) == 1:
        extra = [letter for letter in got if letter not in left]
        return "wrong axis", (f"summed over the wrong axis? {lost[0]} should be left, "
                              f"not {' '.join(extra)}: {text}")
    return "shape", f"wrong shape: {text}"


# ---- the same shape, other numbers ---------------------------------------------------

def rescaled(ours, wanted, trial):
    scale = _ratio(ours, wanted)
    if not close(scale * ours, wanted):
        return None
    if abs(scale + 1) < 1e-6:
        return "sign", "right but for the sign: multiply by -1"
    text = f"right direction, wrong scale: multiply by {scale:.6g}"
    if meaning := trial.meaning(scale):
        text += f", which here is {meaning}"
    return "scale", text


def flipped(ours, wanted, trial):
    for axes in _subsets(ours.ndim):
        if close(np.flip(ours, axes), wanted):
            over = _letters(axes, ours, trial)
            return "flipped", f"right numbers, in reverse order along {over}"
    return None


def factor(ours, wanted, trial):
    for name, array in trial.at_hand.items():
        if array.shape == wanted.shape and close(ours * array, wanted):
            return "factor", f"{name} is missing: right once multiplied by {name}"
        if array.shape == wanted.shape and close(wanted * array, ours):
            return "factor", f"{name} is a factor too many: right without it"
    return None


def portions(ours, wanted, trial, sums):
    """The parts that make up what is wanted, but not each of them once."""
    for parts in sums:
        arrays = [array for _, _, array in parts]
        if not same(sum(arrays), wanted):            # they are another result's
            continue
        table = np.stack([np.broadcast_to(array, ours.shape).ravel()
                          for array in arrays], axis=1)
        counts, _, rank, _ = np.linalg.lstsq(table, ours.ravel(), rcond=None)
        if rank == len(parts) and close((table @ counts).reshape(ours.shape), ours):
            told = [f"{name} is missing: {why}" if abs(count) < 1e-4 else
                    f"{name} counts {trial.meaning(count) or f'{count:.4g}'} times, "
                    f"not once: {why}" for (name, why, _), count in zip(parts, counts)
                    if abs(count - 1) > 1e-4]
            return "part", "; ".join(told)
    return None


def mistaken(ours, mistakes):
    found = [words for words, wrong in mistakes if same(ours, wrong)]
    return ("mistake", found[0]) if found else None


def term(ours, wanted, trial):
    lacking = wanted - ours
    for name, array in trial.at_hand.items():
        if array.shape == wanted.shape:
            times = _ratio(array, lacking)
            if abs(times) > 1e-6 and close(ours + times * array, wanted):
                many = "" if abs(times - 1) < 1e-6 else f"{times:.6g} times "
                return "term", f"a term is missing: right once {many}{name} is added"
    return None


def factor_along(ours, wanted, trial):
    """A factor that varies along some axes, but not along the others."""
    for others in _subsets(ours.ndim):
        along = tuple(axis for axis in range(ours.ndim) if axis not in others)
        factors = _ratio(ours, wanted, others)
        if along and close(factors * ours, wanted):
            over = _letters(along, ours, trial)
            text = f"right direction for each {over}, with a wrong factor for each: "
            for name, array in trial.at_hand.items():
                if array.size == factors.size and close(array.ravel(), factors.ravel()):
                    return "factor", f"{text}right once multiplied by its {name}"
            least, most = factors.min(), factors.max()
            return "factor", f"{text}multiply by {least:.4g} to {most:.4g}"
    return None


def differing(ours, wanted, trial):
    """Where two arrays differ, at worst and in general. Always fits."""
    wrong, matter = far(ours, wanted), (ours != 0) | (wanted != 0)
    worst = np.abs(ours - wanted).argmax()
    text = (f"at {_place(worst, ours)} it is {ours.flat[worst] + 0:.6g}, "
            f"expected {wanted.flat[worst]:.6g}")
    found = []                                       # (share of the axis, words)
    for axis, letter in enumerate(trial.axes(ours.shape)):
        others = tuple(other for other in range(ours.ndim) if other != axis)
        bad = wrong.any(axis=others)
        if (~bad & matter.any(axis=others)).any():
            found.append((bad.mean(), f"right but where {letter} is {_list(bad)} (it "
                          f"runs to {len(bad) - 1}): {text}"))
    if found:
        return "positions", min(found)[1]
    if wrong.sum() <= matter.sum() / 2:
        places = [_place(k, ours) for k in np.flatnonzero(wrong)]
        some = ", ".join(places[:4] + ["…"] * (len(places) > 4))
        return "positions", (f"right but at {len(places)} of {wrong.size} entries, "
                             f"{some}: {text}")
    cosine = (ours * wanted).sum() / np.sqrt((ours ** 2).sum() * (wanted ** 2).sum())
    near = "nearly" if cosine > 0.9 else "roughly" if cosine > 0.5 else "not"
    return "differs", (f"differs: {text}; {near} the right direction "
                       f"(cosine {cosine:.2f})")


# ---- how it is said ------------------------------------------------------------------

def _ratio(ours, wanted, axes=None):
    """The factor that takes ours nearest to wanted, for all or along some axes."""
    squares = (ours * ours).sum(axis=axes, keepdims=axes is not None)
    products = (ours * wanted).sum(axis=axes, keepdims=axes is not None)
    return products / np.where(squares == 0, 1, squares)


def _subsets(count):
    """All choices of one axis or more, the small ones first."""
    return itertools.chain.from_iterable(
        itertools.combinations(range(count), k) for k in range(1, count + 1))


def _letters(axes, array, trial):
    letters = trial.axes(array.shape)
    return ", ".join(dict.fromkeys(letters[axis] for axis in axes))


def _shapes(ours, wanted, trial):
    """expected (4,), with axes (o), got (5, 4), with axes (n, o)"""
    return ", ".join(f"{verb} {array.shape}, with axes ({', '.join(axes)})"
                     for verb, array in (("expected", wanted), ("got", ours))
                     for axes in [trial.axes(array.shape)])


def _place(k, array):
    return str([int(index) for index in np.unravel_index(k, array.shape)])


def _list(flags):
    """The places of what is True: "0, 2", or "0 to 4"."""
    places = np.flatnonzero(flags)
    if len(places) > 2 and len(places) == places[-1] - places[0] + 1:
        return f"{places[0]} to {places[-1]}"
    return ", ".join(map(str, places))
