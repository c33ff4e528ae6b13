"""Bugs in what reads sequences: the RNN, the LSTM, attention."""

TABLE = {
    ("recurrent.py", "rnn"): {
        "rnn_no_bptt": ("np.matmul(da[step], columns, ",
                        "np.matmul(0 * dh, columns, "),
        "rnn_whh_T_consistent!": [
            ("_columns(wh)", "_columns(wh_t)"),
            ("_columns(wh.T)", "_columns(wh)"),
            ("_columns(wh_t)", "_columns(wh.T)"),
            ("before.reshape(da.shape).T @ da ",
             "(before.reshape(da.shape).T @ da).T ")],
        "rnn_whh_T_bwd": ("_columns(wh.T)", "_columns(wh)"),
        "rnn_dwh_cur": ("before.reshape(da.shape).T @ da ",
                        "h.reshape(da.shape).T @ da "),
        "rnn_overwrite": ("rows.T @ da ", "rows[:n].T @ da[:n] "),
        "rnn_mask_ignored": ("_either(alive[step], np.tanh(a, out=a), before[step]) ",
                             "np.tanh(a) "),
        "rnn_mask_zero": ("_either(alive[step], np.tanh(a, out=a), before[step]) ",
                          "_either(alive[step], np.tanh(a), 0) "),
        "rnn_mask_leak_bwd!": ("_either(now, dh, 0) ", "dh "),
        "rnn_mask_nocarry!": ("np.where(now, 0, dh) ", "0 "),
        "rnn_dh0_zero": ("dh0 = e ", "dh0 = 0 * e "),
        "rnn_accumulate_outside!": [
            ("    def backward", "    total = np.zeros_like(wh)\n\n    def backward"),
            ("dwh = before.reshape(da.shape).T @ da ",
             "total[...] += before.reshape(da.shape).T @ da\n"
             "        dwh = total.copy() ")],
        "rnn_h0_mutated": ("    def backward",
                           "    if h0 is not None:\n        h0[...] = h[-1]\n\n"
                           "    def backward"),
    },
    ("states.py", "last_step"): {
        "rnn_dh_last_ignored": ("dh[:, -1] = dy ", "dh[:, -1] = 0 * dy "),
    },
    ("recurrent.py", "lstm"): {
        "lstm_gate_order_consistent!": [
            ("i, f, g, o = gates[:, step]\n        new", "f, i, g, o = gates[:, step]\n"
             "        new"),
            ("i, f, g, o = gates[:, step]\n            tanh_c",
             "f, i, g, o = gates[:, step]\n            tanh_c"),
            ("da[step, :, 0] = g", "da[step, :, 1] = g"),
            ("da[step, :, 1] = c", "da[step, :, 0] = c")],
        "lstm_go_order_consistent": [
            ("[0.5, 0.5, 1, 0.5]", "[0.5, 0.5, 0.5, 1]"),
            ("i, f, g, o = gates[:, step]\n        new", "i, f, o, g = gates[:, step]\n"
             "        new"),
            ("i, f, g, o = gates[:, step]\n            tanh_c",
             "i, f, o, g = gates[:, step]\n            tanh_c"),
            ("da[step, :, 2] = i", "da[step, :, 3] = i"),
            ("da[step, :, 3] = tanh_c", "da[step, :, 2] = tanh_c")],
        "lstm_no_dc": ("m = f * rdc + ", "m = 0 * rdc + "),
        "lstm_df_new_c": ("c_before[step] * f * (1 - f)", "c[step] * f * (1 - f)"),
        "lstm_mask_c!": ("_either(alive[step], new, c_before[step]) ", "new "),
        "lstm_mask_leak_bwd": ("f * (1 - f) * rdc", "f * (1 - f) * dc"),
        "lstm_dc_last_ignored": ("x.dtype), dc, ", "x.dtype), 0 * dc, "),
    },
    ("attention.py", "attention"): {
        "sm_nomax, attention!": ("s -= top\n", "pass\n"),
        "sm_globalmax, attention!": (
            "np.where(top == -np.inf, 0, top)",
            "np.where(top == -np.inf, 0, s.real.max(initial=-9))"),
        "att_scale_dk": ("_t(ds) @ scaled[piece]", "_t(ds) @ q[piece]"),
        "att_scale_d!": ("1 / np.sqrt(q.shape[-1])", "1 / q.shape[-1]"),
        "att_softmax_axis": ("e.sum(axis=-1, keepdims=True)",
                             "e.sum(axis=-2, keepdims=True)"),
        "att_mask_big_negative!": ("np.copyto(s, -np.inf, where=~mask[piece])",
                                   "np.copyto(s, -1e9, where=~mask[piece])"),
        "att_dead_row_nan!": ("np.where(total == 0, 1, total)", "total"),
        "att_dead_row_nan2": ("np.where(top == -np.inf, 0, top)", "top"),
        "att_mask_after_softmax": [
            ("np.copyto(s, -np.inf, where=~mask[piece])\n", "pass\n"),
            ("        y[piece] = p @", "        if mask is not None:\n"
             "            p *= mask[piece]\n        y[piece] = p @")],
        "att_causal_off1!": ("where=at < np.arange", "where=at + 1 < np.arange"),
        "att_causal_T": ("where=at < np.arange", "where=at > np.arange"),
        "att_mask_inverted": ("where=~mask[piece]", "where=mask[piece]"),
        "mha_keymask_dropped!": ("if mask is not None:", "if mask is not None and "
                                 "not causal:"),
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
