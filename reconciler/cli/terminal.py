"""What the terminal can show: colours only on a terminal that wants them, progress only where somebody watches."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from reconciler.report.text import PLAIN, Style


def output_style() -> Style:
    """The style of standard output."""
    return style_for(sys.stdout)


def style_for(stream: TextIO) -> Style:
    """The style for a stream, by NO_COLOR, TERM, `--no-color` and whether it is a terminal."""
    refused = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or "--no-color" in sys.argv
    return PLAIN if refused or not stream.isatty() else Style(enabled=True)
