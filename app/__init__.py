import sys

# The command line of httpx, which nothing here calls, would bring a library for terminals: 4 MB in each process.
sys.modules.setdefault("httpx._main", None)
