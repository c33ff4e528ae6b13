"""Ways to join what is seen with what is read."""

import numpy as np

from numnet.shapes import expect


def concatenate(u, v):
    r"""Put the features of two sources side by side.

    (concatenate.1)  y_{nk} = u_{nk} \; (k < U), \quad y_{nk} = v_{n,k-U} \; (k \ge U)
    (concatenate.2)  du_{nk} = dy_{nk}
    (concatenate.3)  dv_{nk} = dy_{n,U+k}

    u (..., U)   v (..., V)   →   y (..., U + V); n runs over all leading axes. One row
    is one example: its image's features, then its text's.
    Raises ValueError when the leading axes differ.
    """
    expect("concatenate", u=(u, "... U"), v=(v, "... V"))
    y = np.concatenate([u, v], axis=-1)              # (concatenate.1)

    def backward(dy):
        du = dy[..., :u.shape[-1]].copy()            # (concatenate.2)
        dv = dy[..., u.shape[-1]:].copy()            # (concatenate.3)
        return du, dv

    return y, backward
