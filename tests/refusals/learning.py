"""What losses, tasks, metrics, optimisers and weights that are loaded refuse."""

import numpy as np

import numnet
from numnet import Parameter, tasks

P, Q = Parameter(np.float32([1, 2])), Parameter(np.float32([3, 4]))
WRONG = Parameter(np.float32([1, 2]))                # its gradient would broadcast
WRONG.grad = np.float32([3])
NAMES = {**vars(tasks), **vars(numnet), "array": np.array, "nan": np.nan, "inf": np.inf,
         "P": P, "Q": Q, "WRONG": WRONG, "Z": np.array([[1.0, 2, 3], [1, 2, 3]]),
         "L": np.array([2, 0]), "YES": np.array([[1.0, 0, 1], [0, 0, 1]]),
         "U": np.ones((3, 2)), "s": np.array(1.0),
         "true": np.array([0, 0, 1, 2, 0]), "said": np.array([0, 1, 1, 2, 2]),
         "score": np.array([0.1, 0.4, 0.35, 0.8]), "good": np.array([0, 0, 1, 1]),
         "layer": numnet.Linear(3, 4, np.random.default_rng(0)),
         "w": np.zeros((3, 4), np.float32), "b": np.zeros(4, np.float32)}

TABLE = r"""
value | cross_entropy(Z, label=L + 1) | label must be in 0..2, got 3
value | cross_entropy(Z, label=L - 1) | label must be in 0..2, got -1
value | cross_entropy(Z, label=L - 1, ignore_index=7) | label must be in 0..2, got -1
type  | cross_entropy(Z, label=L, ignore_index=1.0) | ignore_index must be a … got 1.0
type  | cross_entropy(Z, label=L, ignore_index=True) | ignore_index must be a … got True
type  | cross_entropy(Z, label=L * 1.0) | label must be an array of … got float64
type  | cross_entropy(Z, label=L > 0) | label must be an array of integers, got bool
type  | cross_entropy(Z, label=[2, 0]) | label must be an array of integers, got list
value | cross_entropy(Z, label=L[:, None]) | label must have shape (2,), got (2, 1)
value | cross_entropy(Z, label=(YES > 0) * 1) | label must have shape (2,), got (2, 3)
value | cross_entropy(Z, label=L[:1]) | label must have shape (2,), got (1,)
value | cross_entropy(Z[:, :0], label=L) | z must have classes (o), got shape (2, 0)
value | cross_entropy(Z[:0], label=L[:0]) | the batch has no label to learn from
value | cross_entropy(Z, label=L * 0 + 2, ignore_index=2) | the batch has no label to …
type  | cross_entropy(Z > 1, label=L) | z must hold float32, float64 or … got bool
type  | cross_entropy([[1.0]], label=L) | z must be a NumPy array, got list
value | binary_cross_entropy(Z, target=YES[:, :1]) | target has shape … but z has (2, 3)
value | binary_cross_entropy(Z, target=YES + 0.5) | target must be in … got 0.5 to 1.5
value | binary_cross_entropy(Z, target=-YES) | target must be in 0..1, got -1.0 to -0.0
value | binary_cross_entropy(Z, target=YES * nan) | target must be in … got nan to nan
type  | binary_cross_entropy(Z, target=YES > 0) | target must be an array of … got bool
value | binary_cross_entropy(Z[:0], target=YES[:0]) | the batch must not be empty
value | mse(score, target=score[:, None]) | target has shape (4, 1) but y has (4,)
type  | mse(Z, target=1.0) | target must be an array of real numbers, got float
type  | mse(Z, target=Z * 1j) | target must be an array of real numbers, got complex128
value | mse(Z[:0], target=Z[:0]) | the batch must not be empty
value | contrastive(U, U[:2], s) | v has 2 examples (n) but u has 3
value | contrastive(U, U[:, :1], s) | v has 1 output features (o) but u has 2
value | contrastive(U, U, s[None]) | s must have no axes … got shapes (1,) and (3, 2)
value | contrastive(U[:0], U[:0], s) | s must have no axes … got shapes () and (0, 2)
value | contrastive(U[0], U[0], s) | u must have axes (n, o), got shape (2,)
type  | contrastive(U, U, 1.0) | s must be a NumPy array, got float
type  | contrastive(U, U, array(1)) | s must hold float32, float64 or … got int64
value | ANSWER.loss(Z, L + 1) | cross_entropy: label must be in 0..2, got 3
value | Binary().loss(Z[:, :1], array([0, 2])) | binary_cross_entropy: … got 0.0 to 2.0
value | Binary().loss(Z, L) | binary_cross_entropy: target has shape … but z has (2, 3)
value | Binary().loss(Z[:, :1], L[:, None]) | label must have axes (n), got shape (2, 1)
type  | Binary().loss(Z[:, :1], [1, 0]) | label must be an array, got list
value | Measure().loss(Z, Z[:, 0]) | mse: target has shape (2, 1) but y has (2, 3)
value | Measure().loss(Z[:, :1], array(1.0)) | label must have axes (n), got shape ()

value | accuracy(said[:3], true) | predicted must have shape (5,), got (3,)
value | accuracy(said[:, None], true) | predicted must have shape (5,), got (5, 1)
value | accuracy(said, true[:, None]) | label must have axes (n) and … got shape (5, 1)
value | accuracy(said[:0], true[:0]) | label must have axes (n) and … got shape (0,)
type  | accuracy(said * 0.5, true) | predicted must be an array of integers, got float64
type  | accuracy(said, true > 0) | label must be an array of integers, got bool
type  | accuracy(said, [0, 0, 1, 2, 0]) | label must be an array of integers, got list
value | accuracy(said, true - 1) | label must be in 0..inf, got -1
value | confusion_matrix(said[:3], true, 3) | predicted must have shape (5,), got (3,)
value | confusion_matrix(said, true, 2) | label must be in 0..1, got 2
value | confusion_matrix(said, true % 2, 2) | predicted must be in 0..1, got 2
value | confusion_matrix(said - 1, true, 3) | predicted must be in 0..2, got -1
type  | confusion_matrix(said * 0.5, true, 3) | predicted must be an array … got float64
value | confusion_matrix(said, true, 0) | classes must be at least 1, got 0
type  | confusion_matrix(said, true, 3.0) | classes must be a whole number, got 3.0
type  | confusion_matrix(said, true, None) | classes must be a whole number, got None
type  | precision_recall_f1(said, true, 3, "warn") | zero_division must be … got 'warn'
value | precision_recall_f1(said, true, 3, 2) | zero_division must be in 0..1, got 2
value | precision_recall_f1(said, true[:3], 3) | confusion_matrix: predicted … got (5,)
value | mean_precision_recall_f1(said, true, 3, "binary") | kind must be … got 'binary'
value | mean_precision_recall_f1(said, true, 3, None) | kind must be macro … got None
value | mean_precision_recall_f1(said, true, 2) | confusion_matrix: label must … got 2
value | average_precision(score, good[:3]) | precision_recall_curve: relevant … got (3,)
value | average_precision(score[:0], good[:0]) | precision_recall_curve: … shape (0,)
value | average_precision(score[None], good[None]) | … axes (n) … got shape (1, 4)
value | average_precision(score, good + 1) | precision_recall_curve: relevant … got 2
type  | average_precision(score, score) | precision_recall_curve: relevant … got float64
type  | average_precision(score, [0, 0, 1, 1]) | precision_recall_curve: … got list
value | average_precision(score * nan, good) | precision_recall_curve: score must not …
type  | average_precision(score * 1j, good) | precision_recall_curve: … got complex128
type  | average_precision([0.5], good[:1]) | precision_recall_curve: score … got list
value | mean_average_precision(score, good) | … axes (n, classes) … got shape (4,)
value | mean_average_precision(U, true[1:4]) | label must be in 0..1, got 2
value | mean_average_precision(Z, true[:3]) | label must have shape (2,), got (3,)
value | recall_at(Z.T, 1) | label must be in 0..1, got 2
value | recall_at(Z, 0) | k must be at least 1, got 0
type  | recall_at(Z, 1.5) | k must be a whole number, got 1.5
value | recall_at(Z, 1, true) | label must have shape (2,), got (5,)
value | recall_at(Z * nan, 1) | scores must not be NaN
value | recall_at(Z[:0], 1) | scores must have axes (n, candidates) … got shape (0, 3)
value | r_squared(score, score[:, None]) | said has shape (4,) and true (4, 1), they …
value | r_squared(score[:1], score) | said has shape (1,) and true (4,), they must be …
value | r_squared(score[:0], score[:0]) | said has shape (0,) and true (0,), they …
value | r_squared(score, score * 0 + 1) | true must not be always the same
value | r_squared(score * nan, score) | said must be finite, got nan
value | r_squared(score, array([1, 2, inf, 3])) | true must be finite, got inf
value | r_squared(score, score * inf) | true must be finite, got inf
type  | r_squared([1.0, 2], score[:2]) | said must be an array of real numbers, got list
type  | r_squared(array(["1", "2"]), score[:2]) | said must be an array of … got <U1

value | SGD([], 0.1) | parameters must be at least one, each given once
value | SGD([P, P], 0.1) | parameters must be at least one, each given once
type  | SGD(layer, 0.1) | parameters must be a list of Parameters, got Linear
type  | SGD([P.value], 0.1) | parameters must be a list of Parameters, got ndarray
value | SGD([P], -0.1) | lr must be 0 or more, got -0.1
value | SGD([P], nan) | lr must be 0 or more, got nan
value | SGD([P], inf) | lr must be 0 or more, got inf
type  | SGD([P], "fast") | lr must be a real number, got 'fast'
type  | SGD([P], None) | lr must be a real number, got None
value | SGD([P], 0.1, 1.0) | momentum must be 0 or more and less than 1, got 1.0
value | SGD([P], 0.1, -0.5) | momentum must be 0 or more and less than 1, got -0.5
value | SGD([P], 0.1, nan) | momentum must be 0 or more and less than 1, got nan
value | SGD([P], 0.1, 0, -1) | weight_decay must be 0 or more, got -1
value | SGD([WRONG], 0.1).step() | a parameter of shape (2,) has a gradient of shape …
value | Adam([]) | parameters must be at least one, each given once
value | Adam([Q, P, Q]) | parameters must be at least one, each given once
value | Adam([P], -0.1) | lr must be 0 or more, got -0.1
value | Adam([P], betas=(1, 0.9)) | betas[0] must be 0 or more and less than 1, got 1
value | Adam([P], betas=(0.9, -1)) | betas[1] must be 0 or more and less than 1, got -1
value | Adam([P], betas=(0.9, nan)) | betas[1] must be 0 or more and less than … got nan
value | Adam([P], betas=(0.9,)) | betas must be two numbers, got (0.9,)
value | Adam([P], betas=(0.9, 0.99, 0.5)) | betas must be two … got (0.9, 0.99, 0.5)
type  | Adam([P], betas=0.9) | betas must be two numbers, got 0.9
value | Adam([P], eps=-1e-8) | eps must be more than 0, got -1e-08
value | Adam([P], eps=nan) | eps must be more than 0, got nan
value | Adam([P], weight_decay=-1) | weight_decay must be 0 or more, got -1
value | Adam([WRONG]).step() | a parameter of shape (2,) has a gradient of shape (1,)
value | clip_grad_norm([P], 0) | max_norm must be more than 0, got 0
value | clip_grad_norm([P], -1) | max_norm must be more than 0, got -1
value | clip_grad_norm([P], nan) | max_norm must be more than 0, got nan
type  | clip_grad_norm([P], "1") | max_norm must be a real number, got '1'
value | clip_grad_norm([P, P], 1) | parameters must be at least one, each given once
value | cosine(0, 5, warmup=5) | warmup and hold must be less than 5 … got 5 and 0
value | cosine(0, 5, hold=5) | warmup and hold must be less than 5 … got 0 and 5
value | cosine(0, 5, hold=-1) | hold must be at least 0, got -1
value | cosine(0, 5, warmup=-1) | warmup must be at least 0, got -1
type  | cosine(0, 5, 1.5) | warmup must be a whole number, got 1.5
value | cosine(0, 0) | steps must be at least 1, got 0
type  | cosine(0, 5.0) | steps must be a whole number, got 5.0
value | cosine(-1, 5) | step must be at least 0, got -1
type  | cosine("1", 5) | step must be a whole number, got '1'
value | cosine(6, 5) | step must be in 0..5, got 6

type  | Parameter([1.0, 2]) | value must be a NumPy array, got list
type  | Parameter(L) | value must hold float32, float64 or complex … got int64
type  | Sequential(layer, None) | layer 1 must be a Module or an op, got NoneType
type  | Sequential([layer]) | layer 0 must be a Module or an op, got list
value | layer.load_state_dict({"w": w, "c": b}) | … missing ['b'], not expected ['c']
value | layer.load_state_dict({}) | the weights are of another model: missing …
type  | layer.load_state_dict({"w": w, "b": 0.0}) | b must be an array, got float
type  | layer.load_state_dict([w, b]) | state must be a dict, got list
"""
