from typing import Any

import pytest

from phasegate.cli.landscape import Landscape
from phasegate.cli.plan import Change, Difference, Plan
from phasegate.cli.plan_text import brief, plan_lines, summary
from phasegate.cli.traffic import Traffic
from phasegate.sealing.places import MISSING


def lines(*changes: Change) -> list[str]:
    plan = Plan(3, changes)
    return [line for line, _ in plan_lines(plan, Traffic(plan, Landscape({}), frozenset()))]


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (1, 2, "x: 1 -> 2"),
        ("a", MISSING, "x: a -> (removed)"),
        (MISSING, [1, {"b": None}], 'x: [1,{"b":null}]'),
        ("a\nb", "c", "x: a... -> c"),
        ("\x1b[2Ja\x07", "b", "x: \ufffd[2Ja\ufffd -> b"),
        ("a" * 200, "", f"x: {'a' * 100}... -> "),
        ("https://h/?code=s3cret", "https://u:s3cret@h/", "x: https://h/?*** -> https://***@h/"),
        (MISSING, {"uri": "https://h/?code=s3cret"}, 'x: {"uri":"https://h/?***"}'),
    ],
)
def test_a_difference_is_one_line(before: Any, after: Any, line: str) -> None:
    change = Change("update", "plugin_metadata", "p", {}, {}, (Difference("x", before, after),))
    assert lines(change) == ["~ plugin_metadata/p", f"    {line}", "    => touches no route"]


def test_a_summary_counts() -> None:
    changes = (Change("create", "routes", "a"), Change("create", "routes", "b"), Change("delete", "routes", "c"))
    assert summary(Plan(3, changes)) == "2 to create, 0 to update, 1 to delete (from revision 3)"
    assert brief(changes) == "2 created, 1 deleted"
