"""The paths of one host: exact ones in a table, parameters and prefixes in a tree of segments."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .conditions import Candidate
from .pattern import Pattern


class PathMatch(NamedTuple):
    """A candidate whose uri fits, its parameters, and the path up to its `*` (None without one)."""

    candidate: Candidate
    params: dict[str, str]
    prefix: str | None


class _Entry(NamedTuple):
    candidate: Candidate
    names: tuple[str, ...]


class _Node:
    __slots__ = ("children", "ending", "parameter", "prefixes")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.ending: list[_Entry] = []
        self.prefixes: list[_Entry] = []


class _Place(NamedTuple):
    """A node that a path reached: how many segments led there, and the values of its parameters."""

    node: _Node
    depth: int
    values: tuple[str, ...]


class PathIndex:
    """Finds the candidates of a path in their order, in time that grows with the path, not with the routes."""

    def __init__(self) -> None:
        self._exact: dict[str, list[Candidate]] = {}
        self._root = _Node()
        self._has_tree = False

    def add(self, pattern: Pattern, candidate: Candidate) -> None:
        """Put a route's pattern in; call `sort` once all are in."""
        if pattern.is_exact:
            self._exact.setdefault(pattern.text, []).append(candidate)
            return
        self._has_tree = True
        node = self._root
        for segment in pattern.segments:
            node = _child(node, segment)
        (node.prefixes if pattern.is_prefix else node.ending).append(_Entry(candidate, pattern.names))

    def sort(self) -> None:
        """Bring the routes that share a pattern into their order."""
        for candidates in self._exact.values():
            candidates.sort(key=lambda candidate: candidate.rank)
        for node in _nodes(self._root):
            node.ending.sort(key=_entry_rank)
            node.prefixes.sort(key=_entry_rank)

    def find(self, path: str) -> Iterator[PathMatch]:
        """Yield what fits the path: exact uris, then parameters, then prefixes from the longest."""
        for candidate in self._exact.get(path, ()):
            yield PathMatch(candidate, {}, None)
        if self._has_tree:
            segments = path.split("/")[1:]
            places = list(_walk(_Place(self._root, 0, ()), segments))
            yield from _endings(places, len(segments))
            yield from _prefixes(places, segments)


def _child(node: _Node, segment: str | None) -> _Node:
    if segment is not None:
        return node.children.setdefault(segment, _Node())
    if node.parameter is None:
        node.parameter = _Node()
    return node.parameter


def _nodes(node: _Node) -> Iterator[_Node]:
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(current.children.values())
        if current.parameter is not None:
            waiting.append(current.parameter)


def _walk(start: _Place, segments: list[str]) -> Iterator[_Place]:
    """Yield every node that a beginning of the path leads to."""
    waiting = [start]
    while waiting:
        place = waiting.pop()
        yield place
        if place.depth == len(segments):
            continue
        segment = segments[place.depth]
        parameter, child = place.node.parameter, place.node.children.get(segment)
        if parameter is not None and segment:
            waiting.append(_Place(parameter, place.depth + 1, (*place.values, segment)))
        if child is not None:
            waiting.append(_Place(child, place.depth + 1, place.values))


def _endings(places: list[_Place], length: int) -> Iterator[PathMatch]:
    found = [(entry, place) for place in places if place.depth == length for entry in place.node.ending]
    for entry, place in sorted(found, key=lambda pair: _entry_rank(pair[0])):
        yield PathMatch(entry.candidate, dict(zip(entry.names, place.values, strict=True)), None)


def _prefixes(places: list[_Place], segments: list[str]) -> Iterator[PathMatch]:
    found = [(entry, place) for place in places if place.depth < len(segments) for entry in place.node.prefixes]
    for entry, place in sorted(found, key=lambda pair: (-pair[1].depth, _entry_rank(pair[0]))):
        prefix = "/".join(["", *segments[: place.depth], ""])
        yield PathMatch(entry.candidate, dict(zip(entry.names, place.values, strict=True)), prefix)


def _entry_rank(entry: _Entry) -> tuple[int, ...]:
    return entry.candidate.rank
