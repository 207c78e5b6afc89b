"""Which program runs a handler."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from phasegate_aws_lambda.local.runtime import Node, Python, runtime_of
from phasegate_aws_lambda.local.server import StartError


@pytest.mark.parametrize(("file", "kind"), [("app.py", Python), ("app.mjs", Node), ("app.js", Node), ("a.b.cjs", Node)])
def test_ending_of_a_file_says_what_runs_it(file: str, kind: type) -> None:
    assert isinstance(runtime_of(Path(file)), kind)


def test_file_that_nothing_runs_is_named_with_the_endings_that_are_known() -> None:
    with pytest.raises(
        ValueError, match=r"app\.rb is no handler's file: it must end with one of \.py, \.mjs, \.js, \.cjs"
    ):
        runtime_of(Path("app.rb"))


def test_every_program_is_where_it_is_looked_for() -> None:
    assert Path(Python().program()[-1]).is_file()
    assert (Path(Python().program()[-1]).parent / "node" / "child.mjs").is_file()


async def test_machine_without_node_is_told_what_to_install(
    all_serving: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StartError, match=r"app\.mjs can't be served.*there is no `node` on the PATH: install Node\.js"):
        await all_serving("export const handler = async () => 1", file="app.mjs")
