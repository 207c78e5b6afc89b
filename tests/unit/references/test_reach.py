import os
from collections.abc import Callable
from pathlib import Path

import pytest

from phasegate.references import Reach, Unresolved
from phasegate.references.reach import read_file, read_variable
from phasegate.references.syntax import File, Variable

ENVIRON = {
    "PHASEGATE_A": "s3cret",
    "PHASEGATE_J": '{"a": {"b": "s3cret", "n": 7, "t": true}, "o": {}}',
    "PHASEGATE_EMPTY": "",
    "HOME": "/root",
}


@pytest.fixture
def reach(tmp_path: Path) -> Reach:
    (tmp_path / "secrets").mkdir()
    return Reach(file_roots=(tmp_path / "secrets",), folder=tmp_path)


def test_a_variable_and_a_key_within_it() -> None:
    assert read_variable(Variable("PHASEGATE_A"), Reach(), ENVIRON) == "s3cret"
    assert read_variable(Variable("PHASEGATE_J", ("a", "b")), Reach(), ENVIRON) == "s3cret"
    assert read_variable(Variable("PHASEGATE_J", ("a", "n")), Reach(), ENVIRON) == "7"
    assert read_variable(Variable("PHASEGATE_J", ("a", "t")), Reach(), ENVIRON) == "true"


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        (Variable("HOME"), r"names begin with PHASEGATE_ \(secrets.env_prefixes\)"),
        (Variable("PHASEGATE_NONE"), "environment variable PHASEGATE_NONE is not set: set it"),
        (Variable("PHASEGATE_EMPTY"), "is not set"),
        (Variable("PHASEGATE_A", ("x",)), "asks for a key of a value that is no JSON object"),
        (Variable("PHASEGATE_J", ("x",)), "asks for the key 'x', which is not there"),
        (Variable("PHASEGATE_J", ("o",)), "leads to what is no text"),
    ],
)
def test_a_variable_that_can_not_be_had(variable: Variable, message: str) -> None:
    with pytest.raises(Unresolved, match=message) as caught:
        read_variable(variable, Reach(), ENVIRON)
    assert "s3cret" not in str(caught.value)


def test_without_prefixes_no_variable_is_read() -> None:
    with pytest.raises(Unresolved, match="names begin with nothing"):
        read_variable(Variable("PHASEGATE_A"), Reach(env_prefixes=()), ENVIRON)


@pytest.mark.parametrize("data", [b"s3cret", b"s3cret\n", b"s3cret\r\n"])
def test_a_file_without_its_last_line_s_end(reach: Reach, data: bytes) -> None:
    path = reach.folder / "secrets" / "key"
    path.write_bytes(data)
    assert read_file(File("secrets/key"), reach) == "s3cret"
    assert read_file(File(str(path)), reach) == "s3cret"


def test_only_one_line_s_end_is_dropped(reach: Reach) -> None:
    (reach.folder / "secrets" / "key").write_bytes(b" a\n\n")
    assert read_file(File("secrets/key"), reach) == " a\n"


def test_links_within_a_root_are_followed(reach: Reach) -> None:
    root = reach.folder / "secrets"
    (root / "..2026").mkdir()
    (root / "..2026" / "key").write_text("s3cret")
    (root / "..data").symlink_to("..2026")
    (root / "key").symlink_to("..data/key")
    assert read_file(File("secrets/key"), reach) == "s3cret"


def test_a_root_may_be_a_link(reach: Reach) -> None:
    (reach.folder / "secrets" / "key").write_text("s3cret")
    (reach.folder / "link").symlink_to("secrets")
    linked = Reach(file_roots=(reach.folder / "link",), folder=reach.folder)
    assert read_file(File("link/key"), linked) == "s3cret"


def test_a_folder_that_becomes_a_link_meanwhile_leads_nowhere(reach: Reach, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("outside", "secrets/team"):
        (reach.folder / folder).mkdir()
        (reach.folder / folder / "key").write_text("s3cret")

    def swapped(path: str, flags: int, opened: Callable[[str, int], int] = os.open) -> int:
        (reach.folder / "secrets" / "team").rename(reach.folder / "secrets" / "old")
        (reach.folder / "secrets" / "team").symlink_to(reach.folder / "outside")
        return opened(path, flags)

    monkeypatch.setattr("phasegate.references.reach.os.open", swapped)
    with pytest.raises(Unresolved, match=r"add its folder to secrets\.file_roots"):
        read_file(File("secrets/team/key"), reach)


def test_a_place_that_can_not_be_looked_at_is_told(reach: Reach, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(path: object) -> str:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr("phasegate.references.reach.os.path.realpath", failing)
    with pytest.raises(Unresolved, match="can't be read: Invalid argument"):
        read_file(File("secrets/key"), reach)


@pytest.mark.parametrize("path", ["outside", "secrets/../outside", "secrets/link", "secrets-too/key", "/etc/passwd"])
def test_no_way_leads_out_of_the_roots(reach: Reach, path: str) -> None:
    (reach.folder / "outside").write_text("s3cret")
    (reach.folder / "secrets" / "link").symlink_to(reach.folder / "outside")
    (reach.folder / "secrets-too").mkdir()
    (reach.folder / "secrets-too" / "key").write_text("s3cret")
    with pytest.raises(Unresolved, match=r"add its folder to secrets\.file_roots"):
        read_file(File(path), reach)


def test_by_default_no_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret")
    with pytest.raises(Unresolved, match="that no reference may read"):
        read_file(File("key"), Reach(folder=tmp_path))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "leads to an empty file"),
        (b"\n", "leads to an empty file"),
        (b"\xff", "leads to a file that is no UTF-8 text"),
        (b"x" * 65_537, "leads to a file of more than 65536 bytes"),
    ],
)
def test_a_file_that_holds_no_value(reach: Reach, data: bytes, message: str) -> None:
    (reach.folder / "secrets" / "key").write_bytes(data)
    with pytest.raises(Unresolved, match=message):
        read_file(File("secrets/key"), reach)


def test_what_is_no_file(reach: Reach) -> None:
    os.mkfifo(reach.folder / "secrets" / "pipe")
    with pytest.raises(Unresolved, match="No such file"):
        read_file(File("secrets/none"), reach)
    with pytest.raises(Unresolved, match="something that is no file"):
        read_file(File("secrets/pipe"), reach)
    with pytest.raises(Unresolved, match=r"is no file|Is a directory"):
        read_file(File("secrets"), reach)
