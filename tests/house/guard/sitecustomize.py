"""Python imports this at start-up in every process that a test starts, because the folder is on PYTHONPATH."""

import outside_network

outside_network.install()
