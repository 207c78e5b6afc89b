"""References in what is judged and not stored: each stands for some value that nobody looks up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..errors import Finding
from ..references import Unresolved, Use, used
from ..references.syntax import parse


@dataclass(frozen=True, slots=True)
class Assumed:
    """The references of a document: what each is taken for, what is wrong with how they are written, and where they stand."""

    values: Mapping[str, str]
    findings: tuple[Finding, ...]
    places: frozenset[str]

    def is_about_a_value(self, finding: Finding) -> bool:
        """Tell whether a finding is about what stands in a reference's place, which is known once it is looked up."""
        return any(_holds(place, finding.path) for place in self.places)


def assumed(document: object) -> Assumed:
    """Return what the references of a document are taken for: texts that differ, so that no two of them clash."""
    uses = used(document)
    wrong = tuple(_wrong(uses))
    bad = {finding.path for finding in wrong}
    values = {use.text: f"reference-{index}" for index, use in enumerate(uses)}
    return Assumed(values, wrong, frozenset(use.path for use in uses) - bad)


def _wrong(uses: Iterable[Use]) -> Iterable[Finding]:
    for use in uses:
        try:
            parse(use.text)
        except Unresolved as error:
            yield Finding(use.path, f"reference {use.text[:60]!r} {error}")


def _holds(path: str, inner: str) -> bool:
    return inner == path or inner.startswith((f"{path}.", f"{path}["))
