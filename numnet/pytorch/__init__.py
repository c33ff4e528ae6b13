"""numnet's layers in PyTorch: what `numnet export` copies out, by what is used."""
