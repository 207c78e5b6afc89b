"""The paths of one host: exact ones in a table, parameters and prefixes in a tree of segments."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat, starmap
from types import MappingProxyType

from ..http.message import Request
from ..model import Route
from .conditions import Candidate, Rank
from .pattern import Pattern

_NO_PARAMS: Mapping[str, str] = MappingProxyType({})


@dataclass(slots=True)
class Match:
    """The route whose uri fits, the values of its `:parameters`, and the path before its `*` (None without one).

    Made once for each pattern. What stands in an index under a pattern with parameters has their names in `params`, and
    gets values where a path is found.
    """

    route: Route
    params: Mapping[str, str]
    prefix: str | None
    candidate: Candidate

    @classmethod
    def of(cls, candidate: Candidate, pattern: Pattern) -> Match:
        """Return the match that stands in an index under a pattern."""
        prefix = pattern.text.removesuffix("*") if pattern.is_prefix else None
        return cls(candidate.route, dict.fromkeys(pattern.names, "") or _NO_PARAMS, prefix, candidate)


class _Node:
    """A place in the tree. Indexes share nodes: one may be changed by the edit alone that made it, all others copy it."""

    __slots__ = ("children", "edit", "ending", "parameter", "prefixes")

    def __init__(self, edit: object) -> None:
        self.edit = edit
        self.children: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.ending: tuple[Match, ...] = ()
        self.prefixes: tuple[Match, ...] = ()

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


_Place = tuple[_Node, int, tuple[str, ...]]
"""A node that a path reached: how many segments led there, and the values of its parameters."""


class PathIndex:
    """Finds the candidates of a path in their order, in time that grows with the path, not with the routes.

    `edit` is whoever changes it; with another one it is forked first.
    """

    def __init__(self, edit: object) -> None:
        self._edit = edit
        self._exact: dict[str, tuple[Match, ...]] = {}
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
        match = Match.of(candidate, pattern)
        if pattern.is_exact:
            self._exact[pattern.text] = _with(self._exact.get(pattern.text, ()), match)
            return
        node = self._way(pattern)[-1]
        if pattern.is_prefix:
            node.prefixes = _with(node.prefixes, match)
        else:
            node.ending = _with(node.ending, match)

    def remove(self, pattern: Pattern, route: Route) -> None:
        """Take a route's pattern out."""
        if pattern.is_exact:
            left = _without(self._exact[pattern.text], route)
            self._exact[pattern.text] = left
            if not left:
                del self._exact[pattern.text]
            return
        *way, node = self._way(pattern)
        node.prefixes = _without(node.prefixes, route)
        node.ending = _without(node.ending, route)
        for parent, segment in zip(reversed(way), reversed(pattern.segments), strict=True):
            parent.prune(segment)

    def _way(self, pattern: Pattern) -> list[_Node]:
        """Return the nodes that lead to a pattern's, to be changed."""
        way = [self._root]
        for segment in pattern.segments:
            way.append(way[-1].child(segment, self._edit))
        return way

    def first(self, request: Request) -> Match | None:
        """Return the first match whose route takes the request, None where there is none."""
        # A property takes seven times as long as what it stands for.
        path = request._path  # noqa: SLF001
        for match in self._exact.get(path, ()):
            candidate = match.candidate
            if candidate.takes_all or candidate.accepts(request, match.params):
                return match
        for match in self._below(path):
            candidate = match.candidate
            if candidate.takes_all or candidate.accepts(request, match.params):
                return match
        return None

    def find(self, path: str) -> Iterator[Match]:
        """Yield what fits the path: exact uris, then parameters, then prefixes from the longest."""
        yield from self._exact.get(path, ())
        yield from self._below(path)

    def _below(self, path: str) -> Iterable[Match]:
        """Return what fits the path beside exact uris, to be left at the first that will do.

        It is no generator, since to close one before its end takes several times as long as to find a route.
        """
        node, passed = self._root, []
        segments = path.split("/")[1:]
        for segment in segments:
            if node.parameter is not None:
                return _find_anywhere(self._root, segments)
            if node.prefixes:
                passed.append(node.prefixes)
            child = node.children.get(segment)
            if child is None:
                break
            node = child
        # No uri ends here: one without parameters is exact, and not in the tree.
        return passed[0] if len(passed) == 1 else chain.from_iterable(reversed(passed))


def _find_anywhere(root: _Node, segments: list[str]) -> Iterator[Match]:
    """Return what fits below a tree with parameters, where more than one way may lead to an end."""
    length = len(segments)
    endings, prefixes = [], []
    for place in _places(root, segments):
        node, depth, _ = place
        if depth < length:
            if node.prefixes:
                prefixes.append((node.prefixes, place))
        elif node.ending:
            endings.append((node.ending, place))
    return starmap(partial(_filled, segments), chain.from_iterable(map(_ranked, (endings, prefixes))))


def _places(root: _Node, segments: list[str]) -> list[_Place]:
    """Return every node that a beginning of the path leads to."""
    # It grows on the way.
    places: list[_Place] = [(root, 0, ())]
    for node, depth, values in places:
        if depth == len(segments):
            break
        segment = segments[depth]
        child, parameter = node.children.get(segment), node.parameter
        if child is not None:
            places.append((child, depth + 1, values))
        if parameter is not None and segment:
            places.append((parameter, depth + 1, (*values, segment)))
    return places


def _ranked(groups: list[tuple[tuple[Match, ...], _Place]]) -> Iterable[tuple[Match, _Place]]:
    """Return the matches of places with their places: those of the deepest first, then by their ranks."""
    if len(groups) == 1:
        matches, place = groups[0]
        return zip(matches, repeat(place), strict=False)
    pairs = [(match, place) for matches, place in groups for match in matches]
    return sorted(pairs, key=lambda pair: (-pair[1][1], pair[0].candidate.rank))


def _filled(segments: list[str], match: Match, place: _Place) -> Match:
    """Return a match with what the path has for its parameters."""
    _, depth, values = place
    if not values:
        return match
    prefix = None if match.prefix is None else "/".join(["", *segments[:depth], ""])
    return Match(match.route, dict(zip(match.params, values, strict=True)), prefix, match.candidate)


def _with(matches: tuple[Match, ...], match: Match) -> tuple[Match, ...]:
    """Return the matches with one more at its place."""
    at = bisect_right(matches, _rank(match), key=_rank)
    return (*matches[:at], match, *matches[at:])


def _without(matches: tuple[Match, ...], route: Route) -> tuple[Match, ...]:
    return tuple(match for match in matches if match.route is not route)


def _rank(match: Match) -> Rank:
    return match.candidate.rank
