from pathlib import Path

import pytest

from phasegate.cli.access import _is_of, admin_url, client
from phasegate.errors import CommandError, ConfigError
from phasegate.settings import TLS, Listen, Settings


def settings(address: str, *listen: Listen) -> Settings:
    return Settings(listen, address, 1, (), Path("routes.yaml"), path=Path("gateway.yaml"))


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.1:9180", "http://127.0.0.1:9180"),
        ("0.0.0.0:9180", "http://127.0.0.1:9180"),
        ("[::]:9180", "http://[::1]:9180"),
        ("[::1]:9180", "http://[::1]:9180"),
        ("127.0.0.1:9443", "https://127.0.0.1:9443"),
    ],
)
def test_the_address_is_that_of_the_settings(address: str, url: str) -> None:
    tls = Listen("127.0.0.1:9443", TLS(Path("c"), Path("k")))
    assert admin_url(settings(address, tls)) == url


def test_a_port_that_is_left_open_has_to_be_named() -> None:
    with pytest.raises(CommandError, match="name it with --admin"):
        admin_url(settings("127.0.0.1:0"))


@pytest.mark.parametrize(
    "url", ["127.0.0.1:9180", "ftp://h", "http://", "http://u:p@h", "http://h?x=1", "http://h:x", "http://[h"]
)
def test_an_address_that_is_none_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="names no address"):
        client(url, None, tmp_path)


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("a-key-of-some-length\n")
    file.chmod(0o644)
    with pytest.raises(Exception, match="chmod 600"):
        client("http://h", file, tmp_path)


def test_a_key_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"there is no key in .*nowhere \(No such file or directory\): give the key"):
        client("http://h", tmp_path / "nowhere", tmp_path)


def test_the_folder_is_needed_only_for_what_is_not_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHASEGATE_ADMIN_KEY", "a-key-of-some-length")
    client("http://h", None, tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="is no folder"):
        client(None, None, tmp_path / "nowhere")


def test_a_key_that_can_not_be_sent_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHASEGATE_ADMIN_KEY", "two\nlines")
    with pytest.raises(CommandError, match="PHASEGATE_ADMIN_KEY holds no key"):
        client("http://h", None, tmp_path)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.1:9180", "http://127.0.0.1:9180"),
        ("127.0.0.1:9180", "http://localhost:9180"),
        ("0.0.0.0:9180", "https://127.0.0.1:9180"),
        ("[::1]:9180", "http://[::1]:9180"),
        ("10.0.0.1:443", "https://10.0.0.1"),
        ("127.0.0.1:0", "http://127.0.0.1:4711"),
    ],
)
def test_the_folder_s_key_is_for_its_own_address(address: str, url: str) -> None:
    assert _is_of(settings(address), url)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1:9180", "http://127.0.0.1:9181", "http://127.0.0.1", "http://127.0.0.1.example.com:9180"]
)
def test_the_folder_s_key_goes_nowhere_else(url: str) -> None:
    assert not _is_of(settings("127.0.0.1:9180"), url)
