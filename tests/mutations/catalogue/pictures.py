"""Bugs in what slides over pictures: convolution and pooling."""

FLIPPED = "w[:, :, ::-1, ::-1]"

TABLE = {
    ("convolution.py", "conv2d"): {
        "conv_flip_consistent!": [
            ("w.transpose(2, 3, 1, 0)", f"{FLIPPED}.transpose(2, 3, 1, 0)"),
            (".transpose(3, 2, 0, 1)", f".transpose(3, 2, 0, 1){FLIPPED[1:]}")],
        "conv_overwrite!": ("tap += ", "tap[...] = "),
        "conv_remainder!": (
            "np.zeros_like(padded)", "np.zeros_like(\n"
            "            padded[:, :s[0] * (p - 1) + taps.reach[0],\n"
            "                   :s[1] * (q - 1) + taps.reach[1]])"),
        "conv_dw_first_sample": (
            "dkernel += columns.T @ rows ",
            "k = len(rows) // len(dy[block])\n"
            "            dkernel += (block[0].start == 0) * columns[:k].T @ rows[:k] "),
        "conv_dw_mean": ("dkernel += columns.T @ rows ",
                         "dkernel += columns.T @ rows / n "),
        "conv_db_axes": ("db = dkernel[-1] ", "db = dy[0].sum(axis=(0, 1)) "),
        "conv_bias_wrong_axis": [
            (".reshape(-1, o), b]", ".reshape(-1, o), 0 * b]"),
            ("    return y.transpose",
             "    y += np.resize(b, q)[:, None] if q == o else b\n"
             "    return y.transpose")],
    },
    ("windows.py", "Windows"): {
        "conv_pad_hw_bwd!": ("(top, left), (h, w) = self.margin, self.size",
                             "(top, _), (h, w) = self.margin, self.size\n"
                             "        left = top"),
        "conv_stride_hw": ("        reach = tuple",
                           "        stride = (stride[0], stride[0])\n"
                           "        reach = tuple"),
        "conv_dil_bwd_ignored!": (
            "i * self.dilation[0], j * self.dilation[1]", "i, j"),
        "conv_dil_hw!": ("        reach = tuple",
                         "        dilation = dilation[::-1]\n        reach = tuple"),
    },
    ("winograd.py", "winograd"): {
        "conv_pad_hw_bwd, winograd!": ("2 - m[0], 2 - m[1]", "2 - m[0], 2 - m[0]"),
        "conv_dw_mean, winograd": ("@ du.reshape(6, -1)",
                                   "@ du.reshape(6, -1) / len(x)"),
        "conv_db_axes, winograd": ("pitch)[:, :, 1].re", "pitch)[:, :, 0].re"),
        "conv_overwrite, winograd!": (
            "du += thirds(v, r).swapaxes(1, 2) @ da[:, r:-2:3] ",
            "du[...] = thirds(v, r).swapaxes(1, 2) @ da[:, r:-2:3] "),
    },
    ("winograd.py", "slide"): {
        "conv_remainder, winograd!": ("    return y[:, :p]",
                                      "    y[:, p // 4 * 4:] = 0\n    return y[:, :p]"),
    },
    ("pooling.py", "_Line"): {
        "mp_zero_pad!": (
            'x = x.take(at, self.axis, mode="clip")',
            "x = np.pad(x, [(self.m * (k == self.axis),) * 2 for k in range(4)])"),
    },
    ("pooling.py", "max_pool2d"): {
        "mp_ties_all!": (
            "            np.add.at(dx[n].reshape(-1), a.ravel(), dy[n].ravel())",
            "            for p, i in rows.entries:\n"
            "                for q, j in columns.entries:\n"
            "                    won = pictures[n][i][j] == y[n][p][q]\n"
            "                    dx[n][i][j] += dy[n][p][q] * won"),
        "mp_grad_first": ("np.multiply(winner,", "np.multiply(0 * winner,"),
    },
    ("pooling.py", "_lines"): {
        "mp_kernel_hw": ("pair(op, \"kernel_size\", kernel_size, 1)",
                         "pair(op, \"kernel_size\", kernel_size, 1)[::-1]"),
    },
    ("pooling.py", "avg_pool2d"): {
        "ap_count_pad": ("if not count_include_pad:", "if False:"),
        "ap_bwd_div": ("along, dy[n] / k)", "along, dy[n] / (rows.k * columns.k))"),
    },
    ("pooling.py", "global_avg_pool2d"): {
        "gap_square!": [("1 / rows.shape[1], x.dtype)",
                         "1 / x.shape[2] ** 2, x.dtype)"),
                        ("dy[:, None] / rows.shape[1] ",
                         "dy[:, None] / x.shape[2] ** 2 ")],
    },
}
