"""What one fetch may use: time, silence of the other side, bytes. Everything that comes over a wire passes a `Meter`."""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass
from typing import Protocol

from reconciler import errors
from reconciler.clock import Clock

MIB = 1024 * 1024
_STEP = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Limits of one fetch (seconds and bytes), of what is kept, and of one commit that is laid out as files."""

    connect: float = 10.0
    silence: float = 60.0
    total: float = 600.0
    received: int = 256 * MIB
    objects: int = 1_000_000
    object_bytes: int = 128 * MIB
    unpacked: int = 4096 * MIB
    packs: int = 64
    files: int = 20_000
    file_bytes: int = MIB
    laid_out: int = 256 * MIB


class TooLarge(errors.RemoteRefused):
    """The repository is larger than can be followed."""


class Stream(Protocol):
    """A connection whose operations never wait longer than `seconds`: they raise `TimeoutError` then."""

    def receive(self, buffer: memoryview, seconds: float) -> int: ...

    def send(self, data: memoryview, seconds: float) -> int: ...


class Meter:
    """Counts what one fetch uses. Raises when it is too much, or when `stop` is set."""

    def __init__(self, bounds: Bounds, clock: Clock, stop: threading.Event, shown: str) -> None:
        self.bounds = bounds
        self.shown = shown
        self._clock = clock
        self._stop = stop
        self._deadline = clock.monotonic() + bounds.total
        self._received = 0

    def check(self) -> float:
        """Seconds that are left, more than none."""
        if self._stop.is_set():
            raise errors.Interrupted
        left = self._deadline - self._clock.monotonic()
        if left <= 0:
            raise errors.RemoteUnavailable(
                f"the git repository at {self.shown} did not deliver within {self.bounds.total:g} seconds",
                hint="it is asked again; a slow connection may need a smaller repository",
            )
        return left

    def receive(self, stream: Stream, buffer: memoryview) -> int:
        """Some bytes; 0 at the end of the stream."""
        quiet_since = self._clock.monotonic()
        while True:
            left = self.check()
            try:
                size = stream.receive(buffer, min(_STEP, left))
                break
            except TimeoutError:
                self._check_silence(quiet_since)
        self._received += size
        if self._received > self.bounds.received:
            raise TooLarge(
                f"the git repository at {self.shown} sends more than {amount(self.bounds.received)}",
                hint="keep the configuration in a repository of its own, without large files in its history",
            )
        return size

    def send(self, stream: Stream, data: bytes) -> None:
        rest = memoryview(data)
        quiet_since = self._clock.monotonic()
        while rest:
            left = self.check()
            try:
                rest = rest[stream.send(rest, min(_STEP, left)) :]
                quiet_since = self._clock.monotonic()
            except TimeoutError:
                self._check_silence(quiet_since)

    def _check_silence(self, since: float) -> None:
        if self._clock.monotonic() - since > self.bounds.silence:
            raise errors.RemoteUnavailable(
                f"the git repository at {self.shown} has been silent for {self.bounds.silence:g} seconds",
                hint="it is asked again",
            )


class Metered(io.RawIOBase):
    """The receiving side of a stream as a file."""

    def __init__(self, stream: Stream, meter: Meter) -> None:
        super().__init__()
        self._stream = stream
        self._meter = meter

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        return self._meter.receive(self._stream, memoryview(buffer))  # type: ignore[arg-type]


def amount(size: int) -> str:
    """`268435456` → `256 MiB`"""
    return f"{size // MIB} MiB" if size >= MIB else f"{size:,} bytes"
