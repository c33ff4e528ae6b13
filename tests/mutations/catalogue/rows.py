"""Bugs in what maps rows of numbers: linear, activations, embedding, layer norm."""

SQUARE = "(w.T if len(w) == len(b) else w)"

TABLE = {
    ("linear.py", "linear"): {
        "lin_dx_T_square": ("dy @ w.T", "dy @ (w if len(w) == len(b) else w.T)"),
        "lin_dw_T": ("rows.T @ dy ", "(dy.T @ rows).reshape(w.shape) "),
        "lin_db_nosum!": ("np.ones(n, dy.dtype) @ dy ", "dy[0].copy() "),
        "lin_db_mean": ("np.ones(n, dy.dtype) @ dy ", "dy.mean(axis=0) "),
        "lin_dw_first_of_3d!": (
            "dw = rows.T @ dy ",
            "k = n // len(x) if x.ndim > 2 else n\n"
            "        dw = rows[:k].T @ dy[:k] "),
        "lin_fwd_T_square!": [
            ("y = rows @ w\n", f"y = rows @ {SQUARE}\n"),
            ("dy @ w.T", f"dy @ {SQUARE}.T"),
            ("rows.T @ dy ", "rows.T @ dy\n"
             "        dw = dw.T.copy() if len(w) == len(b) else dw ")],
    },
    ("activation.py", "relu"): {
        "relu_inplace_x!": ("np.maximum(x, np.zeros((), x.dtype)) ",
                            "np.maximum(x, np.zeros((), x.dtype), out=x) "),
        "relu_inplace_dy!": ("dy * (x.real > 0) ",
                             "np.multiply(dy, x.real > 0, out=dy) "),
        "relu_mask_dy": ("x.real > 0", "dy.real > 0"),
        "relu_mul_nan": ("np.maximum(x, np.zeros((), x.dtype)) ", "x * (x.real > 0) "),
        "relu_ge": ("x.real > 0", "x.real >= 0"),
    },
    ("activation.py", "sigmoid"): {
        "sigmoid_naive": ("0.5 + 0.5 * np.tanh(0.5 * x) ", "1 / (1 + np.exp(-x)) "),
        "sigmoid_grad": ("y * (1 - y) ", "y * (1 + y) "),
    },
    ("activation.py", "tanh"): {
        "tanh_grad": ("1 - y * y", "1 - y"),
    },
    ("activation.py", "softmax"): {
        "sm_axis_last!": [
            ("x.real.max(axis=axis,", "x.real.max(axis=-1,"),
            ("e.sum(axis=axis,", "e.sum(axis=-1,"),
            ("(dy * y).sum(axis=axis,", "(dy * y).sum(axis=-1,")],
        "sm_bwd_axis": ("(dy * y).sum(axis=axis,", "(dy * y).sum(axis=-1,"),
        "sm_nomax!": ("x - x.real.max(axis=axis, keepdims=True)", "x"),
        "sm_globalmax!": ("x.real.max(axis=axis, keepdims=True)", "x.real.max()"),
        "sm_diag": ("y * (dy - inner) ", "y * (1 - y) * dy "),
        "sm_f64": ("np.exp(", "np.float64(1) * np.exp("),
    },
    ("embedding.py", "embedding"): {
        "emb_dup!": ("dw = here.astype(w.dtype) @ dy ",
                     "dw = np.zeros((len(w), o), w.dtype)\n"
                     "            dw[ids.ravel()] += dy "),
        "emb_dup, a large table!": [
            ("np.add.at(dw.reshape(-1), places.ravel(), dy[more].ravel()) ",
             "dw.reshape(-1)[places] += dy[more] ")],
    },
    ("normalization.py", "layer_norm"): {
        "ln_ddof1": ("(centred.conj(), centred) / len(w)",
                     "(centred.conj(), centred) / (len(w) - 1)"),
        "ln_eps_outside": ("np.sqrt(square + float(eps))",
                           "(np.sqrt(square) + float(eps))"),
        "ln_no_mean_term": ("r_du -= r[n] * a[:, None]\n", "pass\n"),
        "ln_no_var_term": ("r[n] * c[:, None], out=scale", "0, out=scale"),
        "ln_dw_axis0": ("dw += ones @ shares",           # right for two axes
                        "dw += ones[:len(x)] @ shares[:len(x)]"),
        "ln_naive_var!": ("(centred.conj(), centred) / len(w)",
                          "(rows[n].conj(), rows[n]) / len(w) - m * m"),
    },
    ("fusion.py", "average"): {      # of two gradients that are equal, as of two biases
        "rnn_alias_bias!": ("dv = dy / 2 ", "dv = du "),
    },
}
