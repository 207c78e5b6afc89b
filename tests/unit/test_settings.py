from pathlib import Path
from typing import Any

import pytest
import yaml

from phasegate import ConfigError
from phasegate.references import Reach
from phasegate.settings import Settings, load_settings


def loaded(folder: Path, environ: dict[str, str] | None = None, **settings: Any) -> Settings:
    (folder / "gateway.yaml").write_text(yaml.safe_dump(settings))
    (folder / "routes.yaml").write_text("routes: []")
    return load_settings(folder, environ or {})


def errors(folder: Path, **settings: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, **settings)
    assert caught.value.source == str(folder / "gateway.yaml")
    return [str(finding) for finding in caught.value.findings]


def test_everything_has_a_default(tmp_path: Path) -> None:
    settings = loaded(tmp_path)
    assert [listen.address for listen in settings.listen] == ["127.0.0.1:9080"]
    assert settings.admin_address == "127.0.0.1:9180"
    assert settings.workers >= 1
    assert (settings.plugins, settings.access_log, settings.log_level) == ((), "stdout", "info")
    assert settings.graceful_timeout == 30


def test_admin_keys_show_in_no_representation(tmp_path: Path) -> None:
    keys = [{"name": "ops", "key": "${ADMIN}"}, {"name": "eyes", "key": "another-key-0123456789", "role": "viewer"}]
    settings = loaded(tmp_path, {"ADMIN": "a-key-0123456789"}, admin={"keys": keys, "server_header": "APISIX/3.9"})
    assert [(key.name, key.role) for key in settings.admin.keys] == [("ops", "admin"), ("eyes", "viewer")]
    assert settings.admin.keys[0].key.value == "a-key-0123456789"
    assert settings.admin.server_header == "APISIX/3.9"
    assert "0123456789" not in repr(settings)


def test_without_admin_keys_one_is_kept_beside_the_settings(tmp_path: Path) -> None:
    settings = loaded(tmp_path)
    assert settings.admin.keys == ()
    assert settings.admin_key_file == tmp_path / "var" / "admin-key"


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "r.yaml").write_text("routes: []")
    assert loaded(tmp_path, resources={"file": "sub/r.yaml"}).file == tmp_path / "sub" / "r.yaml"


def test_secrets_have_their_defaults_and_their_paths(tmp_path: Path) -> None:
    settings = loaded(tmp_path)
    assert settings.keyring == tmp_path / "var" / "keyring"
    assert settings.reach == Reach(("PHASEGATE_",), (), tmp_path)
    (tmp_path / "keys").mkdir()
    settings = loaded(tmp_path, secrets={"keyring": "/r/ring", "file_roots": ["keys"], "env_prefixes": ["A_", "B"]})
    assert settings.reach == Reach(("A_", "B"), (tmp_path / "keys",), tmp_path)


def test_the_environment_fills_in_numbers_too(tmp_path: Path) -> None:
    assert loaded(tmp_path, {"WORKERS": "3"}, workers="${WORKERS:-1}").workers == 3
    assert loaded(tmp_path, {}, workers="${WORKERS:-auto}").workers >= 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"workres": 2}, "workres: is not a known key: did you mean 'workers'?"),
        ({"workers": 0}, "workers: must be auto or a number of processes from 1 to 512 (got 0)"),
        ({"workers": "many"}, "workers: must be auto or a number of processes from 1 to 512 (got 'many')"),
        ({"listen": []}, "listen: must not be empty"),
        ({"listen": [{}]}, "listen[0].address: is required"),
        ({"listen": [{"address": "9080"}]}, "listen[0].address: must be an address with its port, such as"),
        ({"listen": [{"address": "127.0.0.1:99999"}]}, "listen[0].address: must be an address with its port, such as"),
        (
            {"listen": [{"address": "127.0.0.1:1"}, {"address": "127.0.0.1:1"}]},
            "listen[1].address: 127.0.0.1:1 stands there twice: remove one",
        ),
        ({"listen": [{"address": "127.0.0.1:1", "tls": {"cert": "c"}}]}, "listen[0].tls.key: is required"),
        (
            {"admin": {"keys": [{"name": "ops", "key": "s3cret"}]}},
            "admin.keys[0].key: must be 16 to 256 visible ASCII characters without spaces",
        ),
        ({"admin": {"keys": [{"name": "ops", "key": ""}]}}, "admin.keys[0].key: must be 16 to 256 visible ASCII"),
        ({"admin": {"keys": [{"key": "s3cret" * 3}]}}, "admin.keys[0].name: is required"),
        (
            {"admin": {"keys": [{"name": "ops", "key": "s3cret" * 3, "role": "owner"}]}},
            "admin.keys[0].role: must be one of admin, viewer (got 'owner')",
        ),
        (
            {"admin": {"keys": [{"name": "a", "key": "s3cret" * 3}, {"name": "a", "key": "s3cret" * 4}]}},
            "admin.keys[1].name: 'a' stands there twice: remove one",
        ),
        (
            {"admin": {"keys": [{"name": "a", "key": "s3cret" * 3}, {"name": "b", "key": "s3cret" * 3}]}},
            "admin.keys[1].key: this key stands there twice: remove one",
        ),
        ({"admin": {"key_places": ["body"]}}, "admin.key_places[0]: must be one of header, query, cookie (got 'body')"),
        ({"admin": {"key_places": []}}, "admin.key_places: must not be empty"),
        ({"limits": {"head_bytes": 0}}, "limits.head_bytes: must be at least 1 (got 0)"),
        ({"limits": {"haed_bytes": 9}}, "limits.haed_bytes: is not a known key: did you mean 'head_bytes'?"),
        ({"limits": {"idle_timeout": 0}}, "limits.idle_timeout: must be at least 0.001 (got 0)"),
        ({"secrets": {"keyrings": "x"}}, "secrets.keyrings: is not a known key: did you mean 'keyring'?"),
        ({"secrets": {"keyring": ""}}, "secrets.keyring: must not be empty"),
        ({"secrets": {"env_prefixes": [""]}}, "secrets.env_prefixes[0]: must be the beginning of variables' names"),
        ({"secrets": {"file_roots": ["none"]}}, "secrets.file_roots[0]: there is no folder"),
        ({"secrets": {"file_roots": ["."]}}, "secrets.file_roots[0]: holds the key ring, which no reference may read"),
        ({"node": {"id": "auto"}}, "node: is not available in this version: leave it out"),
        ({"server": {"protocol": "spdy"}}, "server.protocol: must be one of native, hypercorn (got 'spdy')"),
        (
            {"resources": {"store": "postgres:x"}},
            "resources.store: names no store: write `none`, `sqlite:FILE` or `etcd:http://HOST:2379/PREFIX`",
        ),
        ({"server": {"loop": "trio"}}, "server.loop: must be one of auto, asyncio, uvloop (got 'trio')"),
        ({"server": {"graceful_timeout": -1}}, "server.graceful_timeout: must be at least 0 (got -1)"),
        ({"trusted_proxies": ["nowhere"]}, "trusted_proxies[0]: must be an IP address or CIDR block"),
        ({"log": {"level": "loud"}}, "log.level: must be one of debug, info, warning, error (got 'loud')"),
        ({"log": {"access": "file"}}, "log.access: must be one of stdout, stderr, off (got 'file')"),
        ({"plugins": "key-auth"}, "plugins: must be a list (got 'key-auth')"),
        ({"plugins": ["a", "a"]}, "plugins[1]: 'a' stands there twice: remove one"),
        ({"plugins": [None]}, "plugins[0]: must not be null: give a value or leave the key out"),
        ({"resources": {"file": "none.yaml"}}, "resources.file: there is no file"),
    ],
)
def test_a_mistake_is_told_with_its_path(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    found = errors(tmp_path, **settings)
    assert len(found) == 1
    assert found[0].startswith(message)
    assert "s3cret" not in found[0]


def test_a_variable_that_is_not_set_is_told_with_its_path(tmp_path: Path) -> None:
    assert errors(tmp_path, plugins=["${NOT_SET_ANYWHERE}"])[0].startswith(
        "plugins[0]: environment variable NOT_SET_ANYWHERE is not set"
    )


def test_certificates_that_are_not_there_or_are_none(tmp_path: Path) -> None:
    listen = [{"address": "127.0.0.1:1", "tls": {"cert": "cert.pem", "key": "key.pem"}}]
    assert errors(tmp_path, listen=listen) == [
        f"listen[0].tls.cert: there is no file {tmp_path / 'cert.pem'}",
        f"listen[0].tls.key: there is no file {tmp_path / 'key.pem'}",
    ]
    (tmp_path / "cert.pem").write_text("no certificate")
    (tmp_path / "key.pem").write_text("no key")
    assert "are no certificate and its unencrypted key" in errors(tmp_path, listen=listen)[0]


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is no folder: name the one that holds gateway.yaml"):
        load_settings(tmp_path / "nowhere", {})
    with pytest.raises(ConfigError, match=r"gateway.yaml: can't be read: No such file or directory"):
        load_settings(tmp_path, {})
