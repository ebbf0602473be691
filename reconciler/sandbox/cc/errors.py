"""Error answers of the community side."""

from __future__ import annotations

from reconciler.sandbox.http import Refusal, Response, json_response


def unauthorized() -> Response:
    return json_response({"message": "Unauthorized"}, 401)


def not_found() -> Refusal:
    """The same for a missing user and a missing field: the user API documents nothing that tells them apart."""
    return Refusal(json_response({"message": "Not Found"}, 404))


def no_item() -> Refusal:
    """How the content API says it."""
    return Refusal(json_response({"message": "Not Found", "description": "Item does not exist"}, 404))


def bad_request(text: str) -> Refusal:
    return Refusal(json_response({"message": "Bad Request", "description": text}, 400))


def invalid(errors: dict[str, list[str]]) -> Refusal:
    """Registration words its complaints per attribute."""
    return Refusal(json_response({"errors": errors}, 400))


def unprocessable(*texts: str) -> Refusal:
    return Refusal(json_response({"message": "Unprocessable Entity", "errors": list(texts)}, 422))


def too_many(wait: int) -> Response:
    return json_response({"message": "Too Many Requests"}, 429, ((b"retry-after", str(wait).encode()),))


def broken() -> Response:
    return json_response({"message": "Internal Server Error"}, 500)


def not_served(pattern: str) -> Response:
    text = f"The sandbox does not serve {pattern}"
    return json_response({"message": "Not Implemented", "description": text}, 501)
