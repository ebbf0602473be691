"""Looks through a received pack before anything is built from it: a few kilobytes can unfold to more than the memory holds."""

from __future__ import annotations

import mmap
import zlib
from typing import IO

from reconciler import errors
from reconciler.config.git.metering import Bounds, Meter, TooLarge, amount

_HEADER = 12
_CHECKSUM = 20
_OFFSET_DELTA, _REFERENCE_DELTA = 6, 7
_KNOWN = (1, 2, 3, 4, _OFFSET_DELTA, _REFERENCE_DELTA)
_INPUT = 64 * 1024
_OUTPUT = 1024 * 1024
_DELTA_HEAD = 20


def check(file: IO[bytes], meter: Meter) -> None:
    """Raises `TooLarge` for a pack that unfolds to too much, `errors.RemoteMalformed` for what is no pack."""
    try:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            _Scan(data, meter).run()
    except (IndexError, ValueError, zlib.error):
        raise malformed(meter.shown) from None


def malformed(shown: str) -> errors.RemoteMalformed:
    return errors.RemoteMalformed(
        f"what the git server at {shown} sends is not what git servers send", hint="it is asked again"
    )


class _Scan:
    def __init__(self, data: mmap.mmap, meter: Meter) -> None:
        self._data = data
        self._end = len(data) - _CHECKSUM
        self._meter = meter
        self._bounds: Bounds = meter.bounds
        self._at = _HEADER
        self._total = 0

    def run(self) -> None:
        if self._data[:4] != b"PACK":
            raise ValueError
        count = int.from_bytes(self._data[8:12], "big")
        if count > self._bounds.objects:
            raise self._too_large(f"more than {self._bounds.objects:,} objects")
        for _ in range(count):
            self._object()
        if self._at != self._end:
            raise ValueError

    def _object(self) -> None:
        self._meter.check()
        first = self._byte()
        kind, size, shift, more = first >> 4 & 7, first & 15, 4, first & 128
        while more:
            byte = self._byte()
            size, shift, more = size | (byte & 127) << shift, shift + 7, byte & 128
        if kind not in _KNOWN:
            raise ValueError
        if kind == _OFFSET_DELTA:
            while self._byte() & 128:
                pass
        elif kind == _REFERENCE_DELTA:
            self._at += _CHECKSUM
        self._count(size)
        head = self._inflate(size)
        if kind in (_OFFSET_DELTA, _REFERENCE_DELTA):
            self._count(_result_size(head))

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _count(self, size: int) -> None:
        self._total += size
        if size > self._bounds.object_bytes:
            raise self._too_large(f"a file larger than {amount(self._bounds.object_bytes)}")
        if self._total > self._bounds.unpacked:
            raise self._too_large(f"more than {amount(self._bounds.unpacked)} when unpacked")

    def _inflate(self, size: int) -> bytes:
        """Pass over compressed data that must unfold to exactly `size`. Returns its beginning."""
        inflater = zlib.decompressobj()
        head, seen = b"", 0
        while not inflater.eof:
            given = self._data[self._at : min(self._end, self._at + min(_INPUT, size + 128))]
            if not given:
                raise ValueError
            out = inflater.decompress(given, _OUTPUT)
            self._at += len(given) - len(inflater.unused_data) - len(inflater.unconsumed_tail)
            head = head or out[:_DELTA_HEAD]
            seen += len(out)
            if seen > size:
                raise ValueError
        if seen != size:
            raise ValueError
        return head

    def _too_large(self, what: str) -> TooLarge:
        return TooLarge(
            f"the git repository at {self._meter.shown} has {what}",
            hint="keep the configuration in a repository of its own, without large files in its history",
        )


def _result_size(delta: bytes) -> int:
    """How large the result of a delta is: its second number, after the size of what it is applied to."""
    at = 0
    while delta[at] & 128:
        at += 1
    size, shift = 0, 0
    while True:
        at += 1
        size |= (delta[at] & 127) << shift
        shift += 7
        if not delta[at] & 128:
            return size
