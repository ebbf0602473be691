"""Where things stand in a file. Filled by a second walk of the loader, only for files about which something has to be said."""

from __future__ import annotations

from typing import Any

from reconciler.model.diagnostic import Position

Path = tuple[str | int, ...]


class Places:
    """Positions of the keys and values of one file, by document number and path."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._keys: dict[tuple[int, Path], Position] = {}
        self._values: dict[tuple[int, Path], Position] = {}

    def add_key(self, number: int, path: Path, position: Position) -> None:
        self._keys[number, path] = position

    def add_value(self, number: int, path: Path, position: Position) -> None:
        self._values[number, path] = position

    def end(self, number: int, path: Path, mark: Any) -> None:
        """A mapping or sequence that opens and closes on one line is underlined as a whole."""
        start = self._values.get((number, path))
        if start is not None and mark.line + 1 == start.line and mark.column + 1 > start.column:
            self._values[number, path] = start._replace(length=mark.column + 1 - start.column)

    def value(self, number: int, path: Path) -> Position:
        """The value at `path`, or the nearest thing around it: what an alias stands for is found at the alias."""
        for end in range(len(path), -1, -1):
            found = self._values.get((number, path[:end]))
            if found is not None:
                return found
        return Position(self.file, 1, 1)

    def key(self, number: int, path: Path) -> Position:
        """The key at `path`, or its value where there is no key (an item of a list)."""
        return self._keys.get((number, path)) or self.value(number, path)
