"""The command line: what is chosen, and what is said when something is missing."""

import pytest
from click.testing import CliRunner

from bench.cli import bench
from bench.errors import MissingTools
from bench.groups import GROUPS
from bench.tools import Tools, missing, require

ALL = Tools(nginx="/n", wrk="/w", h2load="/h")


def test_groups_and_their_parts_have_names_of_their_own() -> None:
    names = [group.name for group in GROUPS] + [part.name for group in GROUPS for part in group.parts]
    assert len(set(names)) == len(names)


def test_help_names_every_group_and_part_in_lines_of_a_terminal() -> None:
    text = CliRunner().invoke(bench, ["--help"]).output
    assert all(part.name in text for group in GROUPS for part in (group, *group.parts))
    assert max(map(len, text.splitlines())) <= 120


def test_a_part_of_another_group_is_refused() -> None:
    result = CliRunner().invoke(bench, ["--group", "abuse", "--only", "h1-get"])
    assert result.exit_code == 2
    assert "h1-get: of none of the groups abuse" in result.output


def test_missing_programs_are_told_with_their_packages() -> None:
    with pytest.raises(MissingTools, match=r"needs h2load, wrk: on Debian, `apt-get install nghttp2-client wrk`"):
        require({"nginx", "wrk", "h2load"}, Tools(nginx="/n"))


def test_missing_packages_are_told_with_the_requirements() -> None:
    with pytest.raises(MissingTools, match=r"needs no_such_package: `pip install -r requirements-dev\.txt`"):
        require({"nginx", "no_such_package"}, ALL)


def test_nothing_is_missing_where_everything_is_there() -> None:
    assert missing({"nginx", "wrk", "h2load", "click"}, ALL) == []


def test_a_group_says_which_others_can_be_run_without_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.cli.find_tools", Tools)
    result = CliRunner().invoke(bench, ["--group", "abuse"])
    assert isinstance(result.exception, MissingTools)
    assert "what can be run without: --group connections" in str(result.exception)
