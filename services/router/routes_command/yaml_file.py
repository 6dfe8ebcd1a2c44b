"""A YAML file with the place of everything in it, so that a fault of it can be named by its line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MAX_BYTES = 512 * 1024
MAX_NODES = 50_000
"""Aliases count as often as they stand: a few lines of them can stand for a whole memory."""
MAX_DEPTH = 20

Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class LineFault:
    """What is wrong in a line (from 1) of a file; without a line, with the file as a whole."""

    file: str
    line: int | None
    words: str

    def __str__(self) -> str:
        return f"{self.file}: {self.words}" if self.line is None else f"{self.file}:{self.line}: {self.words}"


class FileError(Exception):
    """What is wrong with the file, a line for each fault."""

    def __init__(self, faults: Sequence[LineFault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = list(faults)


@dataclass(frozen=True, slots=True)
class Document:
    """What a file holds, and the line (from 1) of each value by its path."""

    name: str
    data: Any
    lines: dict[Path_, int]

    def fault(self, path: Sequence[str | int], detail: str) -> LineFault:
        """A fault by the line of the value, or of the nearest around it: the path, and what is wrong."""
        place = next(place for length in range(len(path), -1, -1) if (place := tuple(path[:length])) in self.lines)
        return LineFault(self.name, self.lines[place], f"{_in_words(path)}{detail}")


def read_document(path: Path) -> Document:
    """Reads a file of one YAML document; raises FileError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FileError([LineFault(str(path), None, error.strerror or "cannot be read")]) from error
    except UnicodeDecodeError as error:
        raise FileError([LineFault(str(path), None, "is not UTF-8")]) from error
    return parse_document(text, str(path))


def parse_document(text: str, name: str) -> Document:
    """As `read_document`, of what was read already."""
    if len(text) > MAX_BYTES:
        raise FileError([LineFault(name, None, f"is larger than {MAX_BYTES // 1024} KiB")])
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return Document(name, {}, {(): 1})
        lines: dict[Path_, int] = {}
        faults = _walk(node, name, lines)
        if faults:
            raise FileError(faults)
        return Document(name, loader.construct_document(node), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise FileError([LineFault(name, line, str(error.problem or error.context))]) from error
    except RecursionError as error:
        raise FileError([LineFault(name, None, "is nested too deeply")]) from error
    except (yaml.YAMLError, ValueError) as error:
        raise FileError([LineFault(name, None, str(error))]) from error
    finally:
        loader.dispose()


def _walk(root: yaml.Node, name: str, lines: dict[Path_, int]) -> list[LineFault]:
    """Notes the line of every value, that of its name where it has one.

    Returns the faults: names that stand twice or are no scalars, and what never ends.
    """
    faults: list[tuple[int, str]] = []
    waiting: list[tuple[Path_, int, yaml.Node]] = [((), 1, root)]
    while waiting:
        path, line, node = waiting.pop()
        lines[path] = line
        if len(lines) > MAX_NODES or len(path) > MAX_DEPTH:
            return [LineFault(name, line, "there is too much in here")]
        if isinstance(node, yaml.SequenceNode):
            waiting += [((*path, place), each.start_mark.line + 1, each) for place, each in enumerate(node.value)]
        elif isinstance(node, yaml.MappingNode):
            seen = set()
            for key, value in node.value:
                at = key.start_mark.line + 1
                if not isinstance(key, yaml.ScalarNode):
                    faults.append((at, f"{_in_words(path)}a name is a plain word"))
                    continue
                if key.value in seen:
                    faults.append((at, f"{_in_words((*path, key.value))}stands here a second time"))
                seen.add(key.value)
                waiting.append(((*path, key.value), at, value))
    return [LineFault(name, at, fault) for at, fault in sorted(faults)]


def _in_words(path: Sequence[str | int]) -> str:
    """`rules[3].when.size: `; nothing for the whole."""
    words = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    return f"{words}: " if words else ""
