"""122 bugs of one line that a test-suite of a network must notice, made in numnet's.

Each has been found in somebody's network, or is one slip away from a right line. A name
that ends in "!" is that of a bug which must never pass; ", winograd" and the like mark
the same bug at another place. FALLEN are those of the 122 that need what numnet lacks.
"""

from .learning import TABLE as LEARNING
from .pictures import TABLE as PICTURES
from .rows import TABLE as ROWS
from .sequences import TABLE as SEQUENCES

TABLES = [ROWS, PICTURES, SEQUENCES, LEARNING]

FALLEN = {
    "conv_groups_interleaved": "conv2d has no groups",
    "conv_pad_asym_bwd": "padding is the same on both sides",
    "mp_ceil_ignored": "pooling has no ceil_mode",
    "mp_dil_ignored": "pooling has no dilation",
    "ap_ceil_div": "pooling has no ceil_mode",
    "ce_denom_unweighted": "cross_entropy has no class weights",
    "ce_smooth_k1": "cross_entropy has no label smoothing",
    "bce_posw": "binary_cross_entropy has no pos_weight",
    "emb_padgrad": "embedding has no padding_idx",
    "rnn_reverse_ignored": "rnn has no reverse",
    "att_no_unbroadcast": "attention broadcasts none of q, k, v and bias",
    "sgd_dampening_first": "SGD has no dampening",
    "sgd_nesterov_plain": "SGD has no nesterov",
}

# A bug that no test can tell from the right code, with the reason why.
EQUIVALENT = {}
