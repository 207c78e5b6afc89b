"""The paths of one host: exact ones in a table, parameters and prefixes in a tree of segments."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from ..model import Route
from .conditions import Candidate, Rank
from .pattern import Pattern

T = TypeVar("T")


class PathMatch(NamedTuple):
    """A candidate whose uri fits, its parameters, and the path up to its `*` (None without one)."""

    candidate: Candidate
    params: dict[str, str]
    prefix: str | None


class _Entry(NamedTuple):
    candidate: Candidate
    names: tuple[str, ...]


class _Node:
    """A place in the tree. Indexes share nodes: one may be changed by the edit alone that made it, all others copy it."""

    __slots__ = ("children", "edit", "ending", "parameter", "prefixes")

    def __init__(self, edit: object) -> None:
        self.edit = edit
        self.children: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.ending: tuple[_Entry, ...] = ()
        self.prefixes: tuple[_Entry, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.children or self.parameter or self.ending or self.prefixes)

    def for_edit(self, edit: object) -> _Node:
        """Return this node where the edit made it, else a copy."""
        if self.edit is edit:
            return self
        node = _Node(edit)
        node.children, node.parameter = dict(self.children), self.parameter
        node.ending, node.prefixes = self.ending, self.prefixes
        return node

    def child(self, segment: str | None, edit: object) -> _Node:
        """Return the node under a segment, None for a parameter, to be changed by the edit; a new one where there is none."""
        known = self.parameter if segment is None else self.children.get(segment)
        node = known.for_edit(edit) if known is not None else _Node(edit)
        if segment is None:
            self.parameter = node
        else:
            self.children[segment] = node
        return node

    def prune(self, segment: str | None) -> None:
        """Give up the node under a segment if it is empty."""
        if segment is None:
            if self.parameter is not None and self.parameter.is_empty:
                self.parameter = None
        elif self.children[segment].is_empty:
            del self.children[segment]


class _Place(NamedTuple):
    """A node that a path reached: how many segments led there, and the values of its parameters."""

    node: _Node
    depth: int
    values: tuple[str, ...]


class PathIndex:
    """Finds the candidates of a path in their order, in time that grows with the path, not with the routes.

    `edit` is whoever changes it; with another one it is forked first.
    """

    def __init__(self, edit: object) -> None:
        self._edit = edit
        self._exact: dict[str, tuple[Candidate, ...]] = {}
        self._root = _Node(edit)

    @property
    def is_empty(self) -> bool:
        """Whether no path leads anywhere."""
        return not self._exact and self._root.is_empty

    def for_edit(self, edit: object) -> PathIndex:
        """Return this index where the edit made it, else a copy that it may change without this one's notice."""
        if self._edit is edit:
            return self
        index = PathIndex(edit)
        index._exact, index._root = dict(self._exact), self._root.for_edit(edit)
        return index

    def add(self, pattern: Pattern, candidate: Candidate) -> None:
        """Put a route's pattern in, at its place among those that share it."""
        if pattern.is_exact:
            self._exact[pattern.text] = _with(self._exact.get(pattern.text, ()), candidate, _rank)
            return
        node = self._way(pattern)[-1]
        entry = _Entry(candidate, pattern.names)
        if pattern.is_prefix:
            node.prefixes = _with(node.prefixes, entry, _entry_rank)
        else:
            node.ending = _with(node.ending, entry, _entry_rank)

    def remove(self, pattern: Pattern, route: Route) -> None:
        """Take a route's pattern out."""
        if pattern.is_exact:
            left = tuple(candidate for candidate in self._exact[pattern.text] if candidate.route is not route)
            self._exact[pattern.text] = left
            if not left:
                del self._exact[pattern.text]
            return
        *way, node = self._way(pattern)
        node.prefixes = tuple(entry for entry in node.prefixes if entry.candidate.route is not route)
        node.ending = tuple(entry for entry in node.ending if entry.candidate.route is not route)
        for parent, segment in zip(reversed(way), reversed(pattern.segments), strict=True):
            parent.prune(segment)

    def _way(self, pattern: Pattern) -> list[_Node]:
        """Return the nodes that lead to a pattern's, to be changed."""
        way = [self._root]
        for segment in pattern.segments:
            way.append(way[-1].child(segment, self._edit))
        return way

    def find(self, path: str) -> Iterator[PathMatch]:
        """Yield what fits the path: exact uris, then parameters, then prefixes from the longest."""
        for candidate in self.exact(path):
            yield PathMatch(candidate, {}, None)
        yield from self.below(path)

    def exact(self, path: str) -> tuple[Candidate, ...]:
        """Return the candidates whose uri is the path itself."""
        return self._exact.get(path, ())

    def below(self, path: str) -> Iterator[PathMatch]:
        """Yield what else fits the path: parameters, then prefixes from the longest."""
        node, passed = self._root, []
        segments = path.split("/")[1:]
        for depth, segment in enumerate(segments):
            if node.parameter is not None:
                yield from _find_anywhere(self._root, segments)
                return
            if node.prefixes:
                passed.append((depth, node.prefixes))
            child = node.children.get(segment)
            if child is None:
                break
            node = child
        else:
            for entry in node.ending:
                yield PathMatch(entry.candidate, {}, None)
        for depth, entries in reversed(passed):
            prefix = "/".join(["", *segments[:depth], ""])
            for entry in entries:
                yield PathMatch(entry.candidate, {}, prefix)


def _find_anywhere(root: _Node, segments: list[str]) -> Iterator[PathMatch]:
    """Yield what fits below a tree with parameters, where more than one way may lead to an end."""
    places = list(_walk(_Place(root, 0, ()), segments))
    yield from _endings(places, len(segments))
    yield from _prefixes(places, segments)


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


def _with(items: tuple[T, ...], item: T, rank: Callable[[T], Rank]) -> tuple[T, ...]:
    """Return the items with one more at its place."""
    at = bisect_right(items, rank(item), key=rank)
    return (*items[:at], item, *items[at:])


def _rank(candidate: Candidate) -> Rank:
    return candidate.rank


def _entry_rank(entry: _Entry) -> Rank:
    return entry.candidate.rank
