"""Reading control requests and refusing bad ones in one shape: `{"error": text}`."""

from __future__ import annotations

from typing import Any

from reconciler.sandbox.http import Refusal, json_response
from reconciler.sandbox.router import Call


def refuse(text: str, status: int = 400) -> Refusal:
    return Refusal(json_response({"error": text}, status))


def mapping(call: Call) -> dict[str, Any]:
    body = call.request.json() if call.request.body else {}
    if not isinstance(body, dict):
        raise refuse("the body must be an object")
    return body


def whole(call: Call, name: str, default: int) -> int:
    text = call.request.first(name) or str(default)
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise refuse(f"{name} must be a whole number")
    return int(text)
