"""The same job in the way of other programs, each in an environment of its own. Only the benchmark installs them."""
