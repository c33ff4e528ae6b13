"""Bugs in what reads sequences: the RNN, the LSTM, attention."""

TABLE = {
    ("recurrent.py", "rnn"): {
        "rnn_no_bptt": ("da[:, step] @ wh.T + dh * ~alive[:, step] ",
                        "dh * ~alive[:, step] "),
        "rnn_whh_T_consistent!": [
            ("last @ wh ", "last @ wh.T "),
            ("da[:, step] @ wh.T", "da[:, step] @ wh"),
            ("before.reshape(rows.shape).T @ rows ",
             "(before.reshape(rows.shape).T @ rows).T ")],
        "rnn_whh_T_bwd": ("da[:, step] @ wh.T", "da[:, step] @ wh"),
        "rnn_dwh_cur": ("before.reshape(rows.shape).T @ rows ",
                        "h.reshape(rows.shape).T @ rows "),
        "rnn_overwrite": ("x.reshape(-1, x.shape[-1]).T @ rows ",
                          "x[:, 0].T @ da[:, 0] "),
        "rnn_mask_ignored": ("np.where(alive[:, step], np.tanh(a), last) ",
                             "np.tanh(a) "),
        "rnn_mask_zero": ("np.where(alive[:, step], np.tanh(a), last) ",
                          "np.where(alive[:, step], np.tanh(a), 0) "),
        "rnn_mask_leak_bwd!": ("(1 - h * h) * alive", "1 - h * h"),
        "rnn_mask_nocarry!": (" + dh * ~alive[:, step] ", " "),
        "rnn_dh0_zero": ("dh0 = e ", "dh0 = 0 * e "),
        "rnn_accumulate_outside!": [
            ("    def backward", "    total = np.zeros_like(wh)\n\n    def backward"),
            ("dwh = before.reshape(rows.shape).T @ rows ",
             "total[...] += before.reshape(rows.shape).T @ rows\n"
             "        dwh = total.copy() ")],
        "rnn_h0_mutated": ("    def backward",
                           "    if h0 is not None:\n        h0[...] = h[:, -1]\n\n"
                           "    def backward"),
    },
    ("recurrent.py", "last_step"): {
        "rnn_dh_last_ignored": ("dh[:, -1] = dy ", "dh[:, -1] = 0 * dy "),
    },
    ("recurrent.py", "lstm"): {
        "lstm_gate_order_consistent!": [
            ("i, f, g, o = gates", "f, i, g, o = gates"),
            ("i, f, g, o = np.moveaxis", "f, i, g, o = np.moveaxis"),
            ("da[:, :, 0] = r * g", "da[:, :, 9] = r * g"),
            ("da[:, :, 1] = r", "da[:, :, 0] = r"), ("da[:, :, 9]", "da[:, :, 1]")],
        "lstm_go_order_consistent": [
            ("[1], [0.5]]", "[0.5], [1]]"),
            ("i, f, g, o = gates", "i, f, o, g = gates"),
            ("i, f, g, o = np.moveaxis", "i, f, o, g = np.moveaxis"),
            ("da[:, :, 2] = r", "da[:, :, 9] = r"),
            ("da[:, :, 3] = r", "da[:, :, 2] = r"), ("da[:, :, 9]", "da[:, :, 3]"),
            ("da[:, step, 2] *= dc", "da[:, step, 2] *= dh"),
            ("da[:, step, 3] *= dh", "da[:, step, 3] *= dc")],
        "lstm_no_dc": ("np.where(r[:, step], f[:, step] * dc, dc) ",
                       "np.where(r[:, step], 0 * dc, dc) "),
        "lstm_df_new_c": ("r * c_before * f * (1 - f)", "r * c * f * (1 - f)"),
        "lstm_mask_c!": ("np.where(r[:, step], new, c_before[:, step]) ", "new "),
        "lstm_mask_leak_bwd": ("r * c_before * f * (1 - f)", "c_before * f * (1 - f)"),
        "lstm_dc_last_ignored": ("np.zeros((n, width), x.dtype), dc",
                                 "np.zeros((n, width), x.dtype), 0 * dc"),
    },
    ("attention.py", "attention"): {
        "sm_nomax, attention!": (
            "np.exp(s - np.where(top == -np.inf, 0, top))", "np.exp(s)"),
        "sm_globalmax, attention!": (
            "np.where(top == -np.inf, 0, top)",
            "np.where(top == -np.inf, 0, s.real.max(initial=-9))"),
        "att_scale_dk": ("@ q * scale ", "@ q "),
        "att_scale_d!": ("1 / np.sqrt(q.shape[-1])", "1 / q.shape[-1]"),
        "att_softmax_axis": ("e.sum(axis=-1, keepdims=True)",
                             "e.sum(axis=-2, keepdims=True)"),
        "att_mask_big_negative!": ("s.dtype.type(-np.inf)", "s.dtype.type(-1e9)"),
        "att_dead_row_nan!": ("np.where(total == 0, 1, total) ", "total "),
        "att_dead_row_nan2": ("np.where(top == -np.inf, 0, top)", "top"),
        "att_mask_after_softmax": [
            ("        s = np.where(_allowed(s.shape, mask, causal), s, "
             "s.dtype.type(-np.inf))\n",
             "        allowed = _allowed(s.shape, mask, causal)\n"
             "    else:\n        allowed = np.True_\n"),
            ("np.where(total == 0, 1, total) ", "np.where(total == 0, 1, total) "
             "* allowed ")],
    },
    ("attention.py", "_allowed"): {
        "att_causal_off1!": ("np.tri(*shape[-2:], dtype=bool)",
                             "np.tri(*shape[-2:], 1, dtype=bool)"),
        "att_causal_T": ("np.tri(*shape[-2:], dtype=bool)",
                         "np.tri(*shape[:-3:-1], dtype=bool).T"),
        "att_mask_inverted": ("mask & past", "~mask & past"),
        "mha_keymask_dropped!": ("past if mask is None else mask & past",
                                 "past if mask is None or causal else mask"),
    },
    ("attention.py", "merge_heads"): {
        "mha_merge_heads!": [
            ("x.swapaxes(1, 2).reshape(n, t, m * i) ",
             "x.reshape(n, t, m * i).copy() "),
            ("dy.reshape(n, t, m, i).swapaxes(1, 2).copy() ",
             "dy.reshape(n, m, t, i).copy() ")],
    },
    ("attention.py", "MultiHeadAttention"): {
        "mha_scale_embed": [
            ("        mixed, ", "        shrink = q.dtype.type(self.heads ** -0.5)\n"
             "        q = q * shrink\n        mixed, "),
            ("q_back(dq)", "q_back(shrink * dq)")],
        "mha_dk_lost": ("k_back(dk) + v_back(dv)", "0 * k_back(dk) + v_back(dv)"),
    },
}
