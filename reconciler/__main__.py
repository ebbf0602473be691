"""`python -m reconciler` is the same program as `reconcile`."""

from reconciler.cli.main import main

main()
