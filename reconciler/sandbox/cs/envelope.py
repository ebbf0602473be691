"""The Gainsight answer envelope and its errors."""

from __future__ import annotations

import uuid
from typing import Any

import orjson

from reconciler.sandbox.http import Refusal, Response

Headers = tuple[tuple[bytes, bytes], ...]


def _respond(body: dict[str, Any], status: int, request_id: str, headers: Headers = ()) -> Response:
    stamp = request_id.encode()
    stamped = (*headers, (b"x-gs-request-id", stamp), (b"x-request-id", stamp))
    return Response(status=status, body=orjson.dumps(body, default=str), headers=stamped)


def ok(data: object) -> Response:
    request_id = str(uuid.uuid4())
    body = {"result": True, "errorCode": None, "errorDesc": None, "requestId": request_id, "data": data}
    return _respond(body | {"message": None}, 200, request_id)


def metadata(data: object) -> Response:
    """The metadata service leaves the error keys out on success."""
    request_id = str(uuid.uuid4())
    return _respond({"requestId": request_id, "result": True, "data": data}, 200, request_id)


def error(
    status: int, code: str, text: str, *, data: object = None, message: str | None = None, headers: Headers = ()
) -> Response:
    request_id = str(uuid.uuid4())
    body = {"result": False, "errorCode": code, "errorDesc": text, "requestId": request_id, "data": data}
    return _respond(body | {"message": message}, status, request_id, headers)


def refuse(code: str, text: str, status: int = 400, data: object = None) -> Refusal:
    return Refusal(error(status, code, text, data=data))


def unauthorized() -> Response:
    return error(401, "GS_APIG_2401", "Unauthorized", message="Unauthorized")


def unknown_route() -> Response:
    return error(404, "GS_APIG_1000", "Not Found", message="Not Found")


def too_many(wait: int, with_retry_after: bool) -> Response:
    headers: Headers = ((b"retry-after", str(wait).encode()),) if with_retry_after else ()
    return error(429, "GU_2400", "Too many request", headers=headers)


def broken() -> Response:
    return error(500, "GU_1101", "Oops, something went wrong.")


def object_not_found(instant: str) -> Refusal:
    """The describe service words this one in its own shape."""
    request_id, text = str(uuid.uuid4()), "Requested object not found."
    body = {"requestId": request_id, "result": False, "instance": instant, "title": "OBJECT_NOT_FOUND"}
    return Refusal(_respond(body | {"detail": text, "errorDesc": text}, 400, request_id))
