"""Fields, defaults and bounds, which are those of APISIX's plugin, and what is added beside them."""

from typing import Any

import pytest

from phasegate import ConfigError
from phasegate.testing import make_plugin
from phasegate_openwhisk import OpenWhisk

LEAST = {"api_host": "https://whisk.test", "service_token": "user:s3cret", "namespace": "guest", "action": "hello"}


def made(**config: Any) -> OpenWhisk:
    return make_plugin(OpenWhisk, {**LEAST, **config})


def error(config: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        make_plugin(OpenWhisk, config)
    assert len(caught.value.findings) == 1
    return str(caught.value.findings[0])


def test_defaults_are_apisixs() -> None:
    plugin = made()
    assert (plugin.timeout, plugin.ssl_verify, plugin.result, plugin.package) == (3000, True, True, None)
    assert (plugin.keepalive, plugin.keepalive_pool, plugin.keepalive_timeout) == (True, 5, 60000)
    assert (plugin.async_, plugin.web) == (False, False)
    assert plugin.priority == -1901


@pytest.mark.parametrize(("key", "bound"), [("timeout", 1), ("keepalive_pool", 1), ("keepalive_timeout", 1000)])
def test_each_bound_holds_and_one_below_does_not(key: str, bound: int) -> None:
    assert getattr(made(**{key: bound}), key) == bound
    assert error({**LEAST, key: bound - 1}) == f"openwhisk.{key}: must be at least {bound} (got {bound - 1})"


def test_openwhisk_waits_a_minute_at_most() -> None:
    assert made(timeout=60_000).timeout == 60_000
    assert error({**LEAST, "timeout": 60_001}) == "openwhisk.timeout: must be at most 60000 (got 60001)"


@pytest.mark.parametrize("key", list(LEAST))
def test_what_is_required(key: str) -> None:
    assert error({name: value for name, value in LEAST.items() if name != key}).startswith(
        f"openwhisk.{key}: is required"
    )


@pytest.mark.parametrize("key", ["namespace", "package", "action"])
@pytest.mark.parametrize("name", ["a", "_", "guest@mail.test", "a b", "a.b-c", "x" * 256])
def test_what_may_be_a_name(key: str, name: str) -> None:
    assert getattr(made(**{key: name}), key) == name


@pytest.mark.parametrize("key", ["namespace", "package", "action"])
@pytest.mark.parametrize("name", ["", " a", "a ", "-a", ".", "../a", "a/b", "a?b", "ä", "a\n", "x" * 257])
def test_what_may_not(key: str, name: str) -> None:
    assert error({**LEAST, key: name}).startswith(f"openwhisk.{key}: must")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"api_host": "whisk.test"}, "api_host: must be an absolute http or https URL"),
        ({"web": True, "namespace": "_"}, "namespace: must be a name of its own with web: true"),
        ({"function_uri": "https://h"}, "function_uri: is not a known key"),
    ],
)
def test_what_is_refused(config: dict[str, Any], message: str) -> None:
    found = error({**LEAST, **config})
    assert found.startswith(f"openwhisk.{message}")
    assert "s3cret" not in found


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({}, "/api/v1/namespaces/guest/actions/hello"),
        ({"package": "demo"}, "/api/v1/namespaces/guest/actions/demo/hello"),
        ({"namespace": "a@b", "package": "c d"}, "/api/v1/namespaces/a%40b/actions/c%20d/hello"),
        ({"api_host": "https://whisk.test/"}, "/api/v1/namespaces/guest/actions/hello"),
        ({"web": True}, "/api/v1/web/guest/default/hello.http"),
        ({"web": True, "package": "c d"}, "/api/v1/web/guest/c%20d/hello.http"),
    ],
)
def test_where_an_action_is(config: dict[str, Any], path: str) -> None:
    plugin = made(**config)
    assert plugin.target().path == path
    assert plugin.destination() == f"https://whisk.test{path}"


def test_a_web_action_needs_no_token() -> None:
    config = {key: value for key, value in LEAST.items() if key != "service_token"}
    assert make_plugin(OpenWhisk, {**config, "web": True}).service_token is None


def test_no_secret_shows_in_the_repr() -> None:
    assert "s3cret" not in repr(made())


def test_a_token_in_clear_text_is_warned_about() -> None:
    assert [finding.path for finding in made(api_host="http://whisk.test").check()] == ["api_host"]


def test_a_token_without_a_colon_is_warned_about() -> None:
    findings = list(made(service_token="s3cret").check())
    assert [(finding.path, finding.level) for finding in findings] == [("service_token", "warning")]
    assert "s3cret" not in str(findings[0])
