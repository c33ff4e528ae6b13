"""Bugs in what learning needs: losses, optimisers, metrics, texts."""

TABLE = {
    ("loss.py", "cross_entropy"): {
        "sm_nomax, cross_entropy!": (
            "rows[n].real[every[:len(largest)], largest]", "0"),
        "sm_globalmax, cross_entropy!": (
            "rows[n].real[every[:len(largest)], largest]", "rows.real.max()"),
        "lsm_eps": ("right - np.log(total)",
                    "np.log(np.exp(right) / total + 1e-8)"),
        "ce_denom_all!": ("len(rows) - len(ignored)",
                          "len(rows) * (len(rows) > len(ignored))"),
        "ce_ignore_leak!": (
            "    count = len(rows) - len(ignored)\n",
            "    ignored = [] if len(ignored) < len(rows) else ignored\n"
            "    count = len(rows) - len(ignored)\n"),
        "ce_noscale": ("type(dloss / count)", "type(dloss)"),
        "ce_dy_ignored": ("type(dloss / count)", "type(1 / count)"),
        "ce_hot_axis!": [
            ("    rows = z.reshape(-1, z.shape[-1])\n",
             "    turn = z.ndim > 2 and z.shape[-1] == z.shape[-2]\n"
             "    rows = z.swapaxes(-1, -2) if turn else z\n"
             "    rows = rows.reshape(-1, z.shape[-1])\n"),
            ("dz = p.reshape(z.shape) ", "dz = p.reshape(z.shape)\n"
             "        dz = dz.swapaxes(-1, -2).copy() if turn else dz ")],
    },
    ("loss.py", "binary_cross_entropy"): {
        "bce_naive!": (
            "np.maximum(z, 0) - target * z + np.log1p(np.exp(-size))",
            "-(target * np.log(1 / (1 + np.exp(-z)))\n"
            "              + (1 - target) * np.log(1 - 1 / (1 + np.exp(-z))))"),
        "bce_mean_batch": [("terms.sum() / z.size ", "terms.sum() / len(z) "),
                           ("type(dloss / z.size)", "type(dloss / len(z))")],
    },
    ("loss.py", "mse"): {
        "mse_half": ("type(2 * dloss / y.size)", "type(dloss / y.size)"),
        "mse_batch!": [("(difference * difference).sum() / y.size ",
                        "(difference * difference).sum() / len(y) "),
                       ("type(2 * dloss / y.size)", "type(2 * dloss / len(y))")],
    },
    ("optim.py", "SGD"): {
        "sgd_wd_decoupled": [("p.grad + weight_decay * p.value if", "p.grad if"),
                             ("p.value - lr * v ",
                              "p.value - lr * (v + weight_decay * p.value) ")],
        "sgd_velocity_reset": ("v *= momentum\n", "v *= 0\n"),
        "sgd_inplace": ("p.value = p.value - lr * v ", "p.value -= lr * v "),
    },
    ("optim.py", "Adam"): {
        "adam_no_bias": [("v / (1 - b2 ** self.steps)", "v"),
                         ("m / (1 - b1 ** self.steps) / size", "m / size")],
        "adam_t0": ("self.steps = 0\n", "self.steps = 1\n"),
        "adam_t_stuck!": ("self.steps += 1", "self.steps = 1"),
        "adam_eps_inside": ("np.sqrt(v / (1 - b2 ** self.steps)) + eps",
                            "np.sqrt(v / (1 - b2 ** self.steps) + eps)"),
        "adam_m_state": ("for name in (\"m\", \"v\"))\n",
                         "for name in (\"m\", \"v\"))\n"
                         "        self.m = [np.zeros_like(m) for m in self.m]\n"),
    },
    ("optim.py", "clip_grad_norm"): {
        "clip_each": (
            "p.grad = p.grad * scale ",
            "g_p = float(np.sqrt(np.vdot(p.grad, p.grad).real))\n"
            "            p.grad = p.grad * min(1.0, float(max_norm) / (g_p + 1e-6)) "),
    },
    ("metrics.py", "accuracy"): {
        "acc_rounding": ("float(np.mean(predicted == label))",
                         "float(round(np.mean(predicted == label)))"),
    },
    ("metrics.py", "confusion_matrix"): {
        "cm_T": ("return c.reshape(classes, classes)",
                 "return c.reshape(classes, classes).T"),
        "cm_dup": ("np.bincount(pairs, minlength=classes * classes) ",
                   "np.zeros(classes * classes, int)\n    c[pairs] += 1 "),
    },
    ("metrics.py", "precision_recall_f1"): {
        "pr_swap": [("ratio(right, answered)  ", "ratio(right, true_)  "),
                    ("ratio(right, true)  ", "ratio(right, answered)  "),
                    ("c.sum(axis=1)\n", "c.sum(axis=1)\n    true_ = true\n")],
        "prf_zero_nan!": ("np.where(empty, zero_division, above / "
                          "np.where(empty, 1, below))",
                          "np.divide(above, below, where=~empty,\n"
                          "                         out=np.full(len(above), np.nan))"),
    },
    ("metrics.py", "mean_precision_recall_f1"): {
        "f1_of_macros": (
            "[x.mean() for x in each]  ",
            "[x.mean() for x in each[:2]]\n"
            "        p, r = means\n"
            "        means.append(2 * p * r / (p + r) if p + r else 0.0)  "),
    },
    ("metrics.py", "precision_recall_curve"): {
        "ap_ties!": ("c, group = np.unique(score, return_inverse=True) ",
                     "c = np.sort(score)\n"
                     "    group = np.argsort(np.argsort(score, kind=\"stable\")) "),
        "ap_nopos": ("max(1, relevant.sum())", "relevant.sum()"),
    },
    ("metrics.py", "average_precision"): {
        "ap_trapezoid": (
            "np.diff(recall, prepend=0) @ precision)",
            "np.diff(recall, prepend=0)\n"
            "                 @ (precision + np.append(1, precision[:-1])) / 2)"),
    },
    ("data/text.py", "Tokenizer"): {
        "pad_trunc_swap": ("row[:t] if keep == \"first\" else row[-t:]",
                           "row[-t:] if keep == \"first\" else row[:t]"),
    },
}
