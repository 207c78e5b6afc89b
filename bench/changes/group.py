"""The group that measures changes: how soon they are served, and what 10,000 routes take."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..child import Children
from ..group import Run, Section
from ..peers import Site
from ..progress import progress
from ..tables import in_markdown
from .bulk import Bulk, bulk
from .measure import Series, in_a_cluster, on_one_node
from .report import tables, text


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of changes. `needs` names a program that it can't do without, where there is one."""

    name: str
    measure: Callable[[Site], Series | Bulk]
    needs: str = ""


_PARTS = (
    Part("distribution-node", on_one_node),
    Part("distribution-cluster", in_a_cluster, needs="etcd"),
    Part("routes-10000", bulk),
)


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes through the Admin API and the file, on nodes of their own."""

    name: str = "changes"
    summary: str = "how soon changes are served by all workers and nodes, and what 10,000 routes take"
    needs: frozenset[str] = frozenset()
    parts: Sequence[Part] = _PARTS

    def run(self, run: Run) -> Section:
        """Measure, once. Raise SliceFailed when a request failed, ProcessFailed when a node did."""
        serieses: dict[str, Series] = {}
        many: Bulk | None = None
        for part in progress(self._possible(run), self.name):
            with _site(run) as site:
                found = part.measure(site)
            if isinstance(found, Bulk):
                many, found = found, found.changes
            serieses[part.name] = found
        document = {name: dataclasses.asdict(series) for name, series in serieses.items()}
        if many is not None:
            document["routes-10000"] = dataclasses.asdict(many)
        return Section(text(serieses, many), document, in_markdown(tables(serieses, many)))

    def _possible(self, run: Run) -> list[Part]:
        chosen = run.chosen(self.parts)
        for part in chosen:
            if part.needs and part.needs not in run.tools.found:
                run.complain(f"{part.name} is left out: it needs {part.needs} (Debian's etcd-server)")
        return [part for part in chosen if not part.needs or part.needs in run.tools.found]


@contextlib.contextmanager
def _site(run: Run) -> Iterator[Site]:
    """Give a part a folder, and end what it started when the block ends. Nothing is pinned: a node has all cores."""
    with tempfile.TemporaryDirectory(prefix="phasegate-bench-") as name:
        children = Children(Path(name))
        try:
            yield Site(Path(name), children, run.cores, run.tools)
        finally:
            children.stop()
            for complaint in children.complaints:
                run.complain(complaint)
