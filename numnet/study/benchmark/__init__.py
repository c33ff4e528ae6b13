"""How fast numnet is beside PyTorch, and beside the machine's own limits.

    python -m numnet.study.benchmark --help

machine.py   what computes: BLAS, threads, and the most that this machine can do
timing.py    sides that take turns, whose numbers are compared before they are timed
cases.py     the ops, here and in PyTorch; steps.py: whole training steps
memory.py, growth.py, recipe.py, peer.py: other measurements, by the same means
report.py    the table, the CSV file, the figures, and what was to be reached

PyTorch is imported where it is measured and nowhere else, and is not needed.
"""
