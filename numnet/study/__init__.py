"""The reader's instruments: gradient check, formulas, plots."""
