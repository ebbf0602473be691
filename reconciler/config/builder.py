"""Plain data from the events of a YAML parser: an explicit stack, and every limit checked while building."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, NamedTuple

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from reconciler.config import scalars
from reconciler.config.places import Path, Places
from reconciler.config.secrets import SECRET_KEY
from reconciler.model.diagnostic import Diagnostic, Position

MAX_DEPTH = 64
MAX_NODES = 200_000
MAX_ALIASES = 100
MAX_PROBLEMS = 100
"""Of one file: whoever has more than this in one file has one problem, not a hundred."""


class RawDocument(NamedTuple):
    """One document of a file as plain data. `whole` is False when parts of it were left out because of an error."""

    number: int
    data: object
    whole: bool


class _Stop(Exception):
    """A limit was passed; the problem is recorded already."""


class _Frame:
    """A mapping or sequence under construction. `size` and `height` are those of its subtree, aliases expanded."""

    __slots__ = ("anchor", "container", "height", "key", "path", "seen", "size")

    def __init__(self, container: dict[str, object] | list[object], anchor: str | None, path: Path) -> None:
        self.container = container
        self.anchor = anchor
        self.path = path
        self.key: str | _Dropped | None = None
        self.seen: dict[str, Position | None] = {}
        self.size = 1
        self.height = 1


class _Anchored(NamedTuple):
    value: object
    size: int
    height: int


class _Dropped(Enum):
    """Stands for a key that was refused, so that its value is still read and checked."""

    DROPPED = -1


_DROPPED = _Dropped.DROPPED


class Builder:
    """Walks the events of one file. With a recorder it also notes where everything stands."""

    def __init__(self, file: str, recorder: Places | None) -> None:
        self.file = file
        self.recorder = recorder
        self.documents: list[RawDocument] = []
        self.problems: list[Diagnostic] = []
        self.stack: list[_Frame] = []
        self.anchors: dict[str, _Anchored] = {}
        self.open_anchors: set[str] = set()
        self.nodes = 0
        self.aliases = 0
        self.number = -1
        self.whole = True
        self.root: object = None

    def run(self, events: Any) -> bool:
        """Build everything. Returns whether the whole file could be read."""
        steps: dict[type[Event], Callable[[Any], None]] = {
            ScalarEvent: self._scalar,
            MappingStartEvent: self._open_mapping,
            SequenceStartEvent: self._open_sequence,
            MappingEndEvent: self._close,
            SequenceEndEvent: self._close,
            AliasEvent: self._alias,
            DocumentStartEvent: self._start_document,
            DocumentEndEvent: self._end_document,
        }
        try:
            for event in _events(events):
                step = steps.get(type(event))
                if step is not None:
                    step(event)
        except yaml.MarkedYAMLError as error:
            self._syntax(error)
            return False
        except (yaml.YAMLError, ValueError, OverflowError):
            # The parser of pure Python lets some escapes such as "\UFFFFFFFF" fail without a mark.
            self._problem("E-YAML-SYNTAX", "this is not YAML", None, "look for a wrong escape in double quotes")
            return False
        except _Stop:
            return False
        return True

    def _start_document(self, event: DocumentStartEvent) -> None:
        self.number += 1
        self.whole = True
        self.root = None
        self.anchors.clear()
        if event.version not in (None, (1, 2)):
            self._problem("E-YAML-SYNTAX", "documents are YAML 1.2", event, "remove the %YAML line")

    def _end_document(self, event: DocumentEndEvent) -> None:
        if self.root is not None:
            self.documents.append(RawDocument(self.number, self.root, self.whole))

    # -- nodes ---------------------------------------------------------------------------------------------------------

    def _scalar(self, event: ScalarEvent) -> None:
        frame = self.stack[-1] if self.stack else None
        is_key = frame is not None and frame.key is None and type(frame.container) is dict
        value: object = event.value
        if event.tag is not None:
            self._tag(event)
        elif event.implicit[0]:
            value = self._plain(event, frame, is_key)
        elif event.style == '"' and not event.value.isascii() and _SURROGATE.search(event.value):
            self._problem(
                "E-YAML-ENCODING", "an escape stands for half of a character", event, "write the character itself"
            )
            value = ""
        if is_key and frame is not None:
            self._key(frame, value, event)
        else:
            self._count(1, event)
            self._place(value, event)
            if event.anchor:
                self.anchors[event.anchor] = _Anchored(value, 1, 0)

    def _plain(self, event: ScalarEvent, frame: _Frame | None, is_key: bool) -> object:
        value = scalars.resolve(event.value)
        if type(value) is str:
            return value
        if type(value) is scalars.Ambiguous:
            if not (is_key and event.value == "<<"):
                self._ambiguous(event, value, frame is not None and _below_secret(frame))
            return event.value
        if type(value) is scalars.TooLong:
            self._problem("E-YAML-NUMBER", f"a number of {value.digits} digits", event, "quote it if it is text")
            return 0
        return value

    def _key(self, frame: _Frame, key: object, event: Event) -> None:
        """Take the key of the next entry, or refuse it and have the value dropped."""
        self._count(1, event)
        if key == "<<" and getattr(event, "implicit", (False,))[0]:
            self._merge(event)
        elif type(key) is not str:
            word = "null" if key is None else type(key).__name__
            shown = "this" if _below_secret(frame) else getattr(event, "value", "") or "this"
            hint = f'write "{shown}"' if key is not None else "give the key a name"
            self._problem("E-YAML-KEY", f"a key must be text; {shown} is {_A.get(word, word)}", event, hint)
            self.whole = False
        elif key in frame.seen:
            first = frame.seen[key]
            related = (("first here", first),) if first else ()
            self._problem(
                "E-YAML-DUPLICATE", f"the key '{key}' stands here twice", event, "keep one of the two", related
            )
        else:
            frame.key = key
            frame.seen[key] = self._position(event) if self.recorder else None
            if self.recorder:
                self.recorder.add_key(self.number, (*frame.path, key), self._position(event))
            return
        frame.key = _DROPPED

    def _open_mapping(self, event: MappingStartEvent) -> None:
        self._open({}, event)

    def _open_sequence(self, event: SequenceStartEvent) -> None:
        self._open([], event)

    def _open(self, container: dict[str, object] | list[object], event: Any) -> None:
        if len(self.stack) >= MAX_DEPTH:
            self._limit(f"nested deeper than {MAX_DEPTH} levels", event)
        if event.tag is not None:
            self._tag(event)
        self._count(1, event)
        parent = self.stack[-1] if self.stack else None
        if parent is not None and type(parent.container) is dict and parent.key is None:
            self._problem("E-YAML-KEY", "a key must be text, not a list or a mapping", event, "quote the key")
            self.whole = False
            parent.key = _DROPPED
            path: Path = (*parent.path, _DROPPED.value)
        else:
            path = self._place(container, event)
        if event.anchor:
            self.open_anchors.add(event.anchor)
        self.stack.append(_Frame(container, event.anchor, path))

    def _close(self, event: Event) -> None:
        frame = self.stack.pop()
        if frame.anchor:
            self.open_anchors.discard(frame.anchor)
            self.anchors[frame.anchor] = _Anchored(frame.container, frame.size, frame.height)
        if self.recorder:
            self.recorder.end(self.number, frame.path, event.end_mark)
        if self.stack:
            parent = self.stack[-1]
            parent.size += frame.size
            parent.height = max(parent.height, frame.height + 1)

    def _alias(self, event: AliasEvent) -> None:
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            self._limit(f"more than {MAX_ALIASES} aliases in one file", event)
        frame = self.stack[-1] if self.stack else None
        target = self.anchors.get(str(event.anchor))
        if frame is not None and type(frame.container) is dict and frame.key is None:
            self._problem("E-YAML-KEY", "a key must be text, not an alias", event, "write the key out")
            frame.key, self.whole = _DROPPED, False
            return
        if target is None or event.anchor in self.open_anchors:
            message = (
                "contains itself" if event.anchor in self.open_anchors else "is not defined above in this document"
            )
            self._problem("E-YAML-ALIAS", f"the alias *{event.anchor} {message}", event, "write the value out")
            self.whole = False
            target = _Anchored(None, 1, 0)
        if len(self.stack) + target.height > MAX_DEPTH:
            self._limit(f"nested deeper than {MAX_DEPTH} levels", event)
        self._count(target.size, event)
        self._place(target.value, event)
        if frame is not None:
            frame.size += target.size - 1
            frame.height = max(frame.height, target.height + 1)

    def _place(self, value: object, event: Event) -> Path:
        """Put a value where it belongs and return its path."""
        if not self.stack:
            self.root = value
            return self._record((), event)
        frame = self.stack[-1]
        container = frame.container
        if type(value) not in _CONTAINERS:
            frame.size += 1
        if isinstance(container, list):
            container.append(value)
            return self._record((*frame.path, len(container) - 1), event) if self.recorder else ()
        key, frame.key = frame.key, None
        if not isinstance(key, str):
            return (*frame.path, _DROPPED.value)
        container[key] = value
        return self._record((*frame.path, key), event) if self.recorder else ()

    def _record(self, path: Path, event: Event) -> Path:
        if self.recorder:
            self.recorder.add_value(self.number, path, self._position(event))
        return path

    def _count(self, nodes: int, event: Event) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            self._limit(f"more than {MAX_NODES:,} values in one file, aliases counted as often as they are used", event)

    # -- problems ------------------------------------------------------------------------------------------------------

    def _position(self, event: Any) -> Position:
        start, end = event.start_mark, event.end_mark
        length = end.column - start.column if end.line == start.line else 1
        return Position(self.file, start.line + 1, start.column + 1, max(1, length))

    def _problem(
        self,
        code: str,
        message: str,
        event: Event | None,
        hint: str | None,
        related: tuple[tuple[str, Position], ...] = (),
    ) -> None:
        where = self._position(event) if event else Position(self.file, 1, 1)
        self.problems.append(Diagnostic(code=code, message=message, position=where, hint=hint, related=related))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _Stop

    def _limit(self, message: str, event: Event) -> None:
        self._problem("E-YAML-LIMIT", message, event, "split the file, or write it flatter")
        raise _Stop

    def _tag(self, event: Any) -> None:
        self._problem("E-YAML-TAG", "tags are not used here", event, "remove the tag; quote the value if it is text")

    def _merge(self, event: Event) -> None:
        self._problem("E-YAML-MERGE", "merge keys are not part of YAML 1.2", event, "write the keys out")
        self.whole = False

    def _ambiguous(self, event: ScalarEvent, reading: scalars.Ambiguous, secret: bool) -> None:
        if secret:
            self._problem("E-SECRET", "a secret never stands in YAML", event, "write {env: NAME} or {file: PATH}")
            return
        text = event.value
        fix = f'write "{text}"' + (f", or {reading.also} if that is meant" if reading.also else "")
        message = f"unquoted {text} is read as {reading.old} by YAML 1.1 and as {reading.new} by YAML 1.2"
        self._problem("E-YAML-AMBIGUOUS", message, event, fix)

    def _syntax(self, error: yaml.MarkedYAMLError) -> None:
        """A syntax error, at the place where people have to mend it: an unclosed bracket or quote is mended where it opens."""
        opened = (error.context or "").startswith(_MENDED_WHERE_IT_OPENS)
        mark: Any = (error.context_mark if opened else None) or error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        words = [word for word in (error.context, error.problem) if word]
        message = ": ".join(words) or "this is not YAML"
        hint = next((hint for part, hint in _SYNTAX_HINTS if part in message), "look at this line and the one above")
        position = Position(self.file, line, column)
        self.problems.append(Diagnostic(code="E-YAML-SYNTAX", message=message, position=position, hint=hint))


def _events(events: Any) -> Iterator[Event]:
    """Every event, and at the end the parser is told to let go of what it holds."""
    try:
        yield from iter(events.get_event, None)
    finally:
        events.dispose()


def _below_secret(frame: _Frame) -> bool:
    """Whether what stands here could be a secret. Paths are complete only while positions are recorded."""
    return any(isinstance(part, str) and SECRET_KEY.search(part) for part in (*frame.path, frame.key))


_CONTAINERS = frozenset((dict, list))
_SURROGATE = re.compile("[\ud800-\udfff]")
_A = {"int": "a number", "float": "a number", "bool": "true or false"}
# libyaml tells its errors apart by their text alone. Nothing but the words of a hint hangs on these.
_SYNTAX_HINTS = (
    ("scanning an alias", "quote text that begins with *"),
    ("scanning an anchor", "quote text that begins with &"),
    ("flow", "close the bracket that opens here; quote text that has brackets, commas or colons in it"),
    ("unexpected end of stream", "close the quote that opens here"),
    ("simple key", "write a colon and a space after the key"),
    (
        "mapping values",
        "quote the value if the colon belongs to it; else check the indentation, and for `key:value` without a space above",
    ),
    ("cannot start any token", "indent with spaces, not with tabs; quote text that begins with @, ` or %"),
    ("escape", "in double quotes a backslash is written \\\\; in single quotes it stands for itself"),
    ("expected", "check the indentation of this line and the one above"),
)
_MENDED_WHERE_IT_OPENS = ("while parsing a flow", "while scanning a quoted", "while scanning a simple key")
