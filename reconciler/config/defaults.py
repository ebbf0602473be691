"""What a key means when it is left out. Models and conversion take it from here, so neither can drift from the other."""

from __future__ import annotations

from typing import Final

from reconciler.model import resources

EVERY = "4h"
TIMEZONE = "UTC"
CONCURRENCY = 8
PATH_PREFIX: Final = "/api1"
CS_RATE = resources.CS_RATE_LIMIT
CC_RATE = resources.CC_RATE_LIMIT
DATABASE = "sqlite:///var/reconciler.db"
STATE_FILE = "var/state.json"
CATALOG = "catalog"
TLS: Final = "starttls"
STATEMENT_TIMEOUT = "5m"
FULL_EVERY = 24
WHEN_NULL: Final = "keep"
LIMITS = resources.Limits(max_change_percent=30, min_records=10)
LOOP = resources.LoopSettings()
BRANCH = "main"
SOURCE_PATH = "."
SOURCE_EVERY = "1m"
ON_REWRITE: Final = "refuse"
IMPORT_EVERY = "24h"
IDENTITY = resources.IdentitySettings()
IMPORT = resources.CommunityImport(name="", target="", schedule=resources.Every(seconds=86_400))
