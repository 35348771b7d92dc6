"""One module per kind of golden; each has `make()`, which writes its files and counts its cases."""
