"""Bugs in what maps rows of numbers: linear, activations, embedding, layer norm."""

SQUARE = "(w.T if len(w) == len(b) else w)"

TABLE = {
    ("linear.py", "linear"): {
        "lin_dx_T_square": ("dy @ w.T  ", "dy @ (w if len(w) == len(b) else w.T)  "),
        "lin_dw_T": ("x.reshape(-1, x.shape[-1]).T @ rows ",
                     "(rows.T @ x.reshape(-1, x.shape[-1])).reshape(w.shape) "),
        "lin_db_nosum!": ("rows.sum(axis=0) ", "rows[0].copy() "),
        "lin_db_mean": ("rows.sum(axis=0) ", "rows.mean(axis=0) "),
        "lin_dw_first_of_3d!": [
            ("x.reshape(-1, x.shape[-1]).T @ rows ", "xs.reshape(-1, len(w)).T @ dys "),
            ("dx = dy", "xs, dys = (x[0], dy[0]) if x.ndim > 2 else (x, dy)\n"
             "        dx = dy")],
        "lin_fwd_T_square!": [
            ("x @ w ", f"x @ {SQUARE} "), ("dy @ w.T ", f"dy @ {SQUARE}.T "),
            ("x.reshape(-1, x.shape[-1]).T @ rows ",
             "x.reshape(-1, len(w)).T @ rows\n"
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
        "emb_dup!": ("dw[rows] = np.add.reduceat(dy, starts) ",
                     "dw[ids.ravel()[order]] += dy "),
    },
    ("normalization.py", "layer_norm"): {
        "ln_ddof1": ("((u * u).mean(axis=-1, keepdims=True) + eps)",
                     "((u * u).sum(axis=-1, keepdims=True) / (len(w) - 1) + eps)"),
        "ln_eps_outside": ("((u * u).mean(axis=-1, keepdims=True) + eps) ** -0.5",
                           "1 / ((u * u).mean(axis=-1, keepdims=True) ** 0.5 + eps)"),
        "ln_no_mean_term": ("du - a - u * c", "du - u * c"),
        "ln_no_var_term": ("du - a - u * c", "du - a"),
        "ln_dw_axis0": ("(rows * u.reshape(rows.shape)).sum", "(dy * u).sum"),
        "ln_naive_var!": ("((u * u).mean(axis=-1, keepdims=True) + eps)",
                          "((x * x).mean(axis=-1, keepdims=True) - m * m + eps)"),
    },
    ("fusion.py", "average"): {      # of two gradients that are equal, as of two biases
        "rnn_alias_bias!": ("dv = dy / 2 ", "dv = du "),
    },
}
