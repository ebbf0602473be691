"""What the projects of the benchmarks have in common: the command, the project file, the secrets of the sandbox."""

from __future__ import annotations

import sys

RECONCILE = (sys.executable, "-m", "reconciler")
PROJECT = """apiVersion: reconciler/v1
kind: Project
metadata: {name: bench}
spec: {configs: [config.yaml]}
"""
SECRETS = {
    "RECONCILE_ALLOW_LOOPBACK": "1",
    "ACME_CS_KEY": "sandbox-access-key",
    "ACME_CC_ID": "sandbox-client",
    "ACME_CC_SECRET": "sandbox-secret",
}
