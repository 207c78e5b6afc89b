"""A group of measurements: what the command line can choose, and what each leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from .cores import Cores
from .tools import Tools


class Named(Protocol):
    """Something that the command line can choose."""

    @property
    def name(self) -> str:
        """What it is chosen by."""


N = TypeVar("N", bound=Named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What was asked for, and what there is to do it with; `complain` hears what was odd and does not end the run."""

    tools: Tools
    cores: Cores
    rounds: int
    seconds: int
    only: frozenset[str]
    complain: Callable[[str], None]

    def chosen(self, parts: Iterable[N]) -> list[N]:
        """Return those parts that were asked for: all of them where none was named."""
        return [part for part in parts if not self.only or part.name in self.only]


@dataclass(frozen=True, slots=True)
class Section:
    """What a group says in the end: in plain text, as what JSON can hold, and, for the documentation, in blocks of Markdown by
    their names there and as pictures by the names of their files."""

    text: str
    document: dict[str, Any]
    blocks: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)


class Group(Protocol):
    """Measurements that belong together. `needs` names programs and Python packages, `parts` can be chosen one by one."""

    @property
    def name(self) -> str:
        """What it is chosen by."""

    @property
    def summary(self) -> str:
        """What it measures, in a few words."""

    @property
    def needs(self) -> frozenset[str]:
        """The programs and packages that it can't do without."""

    @property
    def parts(self) -> Sequence[Named]:
        """What it measures one by one."""

    def run(self, run: Run) -> Section:
        """Measure. Raise BenchError when the figures would mean nothing."""
