"""One call with many records, over a connection that is kept: the same for every peer that leaves sending to its user."""

from __future__ import annotations

import http.client
import os
from typing import Any
from urllib.parse import urlsplit

import orjson

PATH = "/v1/data/objects/bench_record__gc"
BATCH = 50


class Sender:
    """Fails where the sink does not say 200."""

    def __init__(self) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(os.environ["BENCH_SINK"]).netloc)

    def send(self, records: list[dict[str, Any]]) -> None:
        headers = {"Content-Type": "application/json", "Accesskey": os.environ["BENCH_KEY"]}
        self._connection.request("POST", PATH, orjson.dumps({"records": records}), headers)
        answer = self._connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the sink answered {answer.status}")
