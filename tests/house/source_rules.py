"""Rules about source text, as functions from text to findings, so that each can be shown to find something."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

MAX_FUNCTION = 60
MAX_MODULE = 500

# Module and function of every way around `reconciler.clock`.
IMPURE_CALLS = frozenset(
    {
        ("datetime", "now"),
        ("datetime", "utcnow"),
        ("datetime", "today"),
        ("date", "today"),
        ("time", "time"),
        ("time", "time_ns"),
        ("time", "sleep"),
        ("uuid", "uuid1"),
        ("uuid", "uuid4"),
        ("os", "urandom"),
    }
)
IMPURE_MODULES = frozenset({"random", "secrets"})

# Folders in which people and machines keep their checkouts. A URL's path is none: a letter stands before it.
MACHINE_PATH = re.compile(r"(?<![\w.\-/}>])/(?:root|work|Users/\w+|home/(?!user\b|app\b)\w+)/")


def long_functions(source: str) -> Iterator[str]:
    """`line: name (N lines)` of each function over the limit, without its decorators."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION:
                yield f"{node.lineno}: {node.name} ({length} lines)"


def long_module(source: str) -> Iterator[str]:
    """One finding when the module is over the limit."""
    if (length := len(source.splitlines())) > MAX_MODULE:
        yield f"{MAX_MODULE + 1}: module ({length} lines)"


def prints(source: str) -> Iterator[str]:
    """Each call of print()."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield f"{node.lineno}: print("


def impure_calls(source: str) -> Iterator[str]:
    """Each use of wall time, sleep, randomness or fresh ids, whatever it was imported as."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (f"{node.lineno}: import {name.name}" for name in names if name.name in IMPURE_MODULES)
            case ast.ImportFrom(module=module, names=names):
                impure = (
                    name.name for name in names if module in IMPURE_MODULES or (module, name.name) in IMPURE_CALLS
                )
                yield from (f"{node.lineno}: from {module} import {name}" for name in impure)
            case ast.Attribute(value=value, attr=name) if (_last_name(value), name) in IMPURE_CALLS:
                yield f"{node.lineno}: {_last_name(value)}.{name}"


def machine_paths(text: str) -> Iterator[str]:
    """Each absolute path that only exists on the machine of whoever wrote it."""
    for number, line in enumerate(text.splitlines(), 1):
        if found := MACHINE_PATH.search(line):
            yield f"{number}: {found[0]}"


def _last_name(node: ast.expr) -> str | None:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return None
