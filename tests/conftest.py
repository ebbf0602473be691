"""The rules of every test; each plugin below says what it enforces. Fixtures belong into the conftest of a subfolder."""

from __future__ import annotations

import os

from hypothesis import settings

pytest_plugins = [
    "tests.house.environment",
    "tests.house.measuring",
    "tests.house.skips",
    "tests.house.workers",
    "tests.postgres",
]

# No deadline anywhere: a busy machine is not a defect of the code.
settings.register_profile("dev", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True, max_examples=50, database=None)
settings.load_profile("ci" if os.environ.get("CI", "").lower() == "true" else "dev")
