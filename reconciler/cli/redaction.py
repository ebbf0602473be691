"""Every secret that this process has read, so that nothing it prints can hold one."""

from __future__ import annotations

from pathlib import Path

from reconciler.config import secrets
from reconciler.model.resources import SecretRef

KNOWN = secrets.Redactor()


def resolve(ref: SecretRef, root: Path) -> str:
    """The value of a secret, which from now on is masked wherever it might appear. Raises `errors.SecretUnavailable`."""
    value = secrets.resolve(ref, root)
    KNOWN.add(value)
    return value
