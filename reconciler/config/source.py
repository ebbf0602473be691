"""From the bytes of a file to text that a YAML parser may see: UTF-8, bounded, without control characters."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_FILE_BYTES = 1024 * 1024

_BOM = b"\xef\xbb\xbf"
_PLAIN = bytes([0x09, 0x0A, 0x0D, *range(0x20, 0x7F)])

# Everything YAML 1.2 calls printable, less U+0085, U+2028 and U+2029: libyaml still takes these for line ends, as YAML 1.1 did.
_REFUSED = "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"


class Unreadable(NamedTuple):
    """Why a file is not text for us. `line` and `column` count from 1."""

    code: str
    message: str
    hint: str
    line: int = 1
    column: int = 1


def decode(data: bytes) -> str | Unreadable:
    """The text of a YAML file."""
    if len(data) > MAX_FILE_BYTES:
        return Unreadable("E-YAML-LIMIT", "the file is larger than 1 MiB", "split it into several files")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or data[:4] == b"\x00\x00\xfe\xff":
        return Unreadable(
            "E-YAML-ENCODING", "the file is not UTF-8 (it looks like UTF-16 or UTF-32)", "save it as UTF-8"
        )
    data = data.removeprefix(_BOM)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line, column = _place(data[: error.start].decode())
        return Unreadable("E-YAML-ENCODING", "the file is not UTF-8", "save it as UTF-8", line, column)
    if data.translate(None, _PLAIN) and (found := re.search(_REFUSED, text)):
        line, column = _place(text[: found.start()])
        point = f"U+{ord(found.group()):04X}"
        hint = f'remove it, or write it as an escape in double quotes: "\\u{ord(found.group()):04x}"'
        return Unreadable("E-YAML-ENCODING", f"the character {point} may not stand in a YAML file", hint, line, column)
    return text


def _place(before: str) -> tuple[int, int]:
    lines = re.split("\r\n|\r|\n", before)
    return len(lines), len(lines[-1]) + 1
