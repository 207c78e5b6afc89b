"""Fields, defaults and bounds, which are those of APISIX's plugin, and what is added beside them."""

import importlib.util
from typing import Any

import pytest

from phasegate import ConfigError, Finding
from phasegate.testing import make_plugin
from phasegate_azure_functions import AzureFunctions

URI = "https://app.azurewebsites.net/api/hello"


def made(**config: Any) -> AzureFunctions:
    return make_plugin(AzureFunctions, {"function_uri": URI, **config})


def errors(config: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        make_plugin(AzureFunctions, config)
    return [str(finding) for finding in caught.value.findings]


def warnings(plugin: AzureFunctions) -> list[str]:
    findings: list[Finding] = list(plugin.check())
    return [finding.path for finding in findings if finding.level == "warning"]


def test_defaults_are_apisixs() -> None:
    plugin = made()
    assert (plugin.timeout, plugin.ssl_verify, plugin.max_req_body_size) == (3000, True, 67108864)
    assert (plugin.keepalive, plugin.keepalive_pool, plugin.keepalive_timeout) == (True, 5, 60000)
    assert (plugin.authorization.apikey, plugin.authorization.clientid) == (None, None)
    assert plugin.priority == -1900


@pytest.mark.parametrize(
    ("key", "bound"), [("timeout", 100), ("keepalive_pool", 1), ("keepalive_timeout", 1000), ("max_req_body_size", 1)]
)
def test_each_bound_holds_and_one_below_does_not(key: str, bound: int) -> None:
    assert getattr(made(**{key: bound}), key) == bound
    message = f"azure-functions.{key}: must be at least {bound} (got {bound - 1})"
    assert errors({"function_uri": URI, key: bound - 1}) == [message]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "function_uri: is required, or appname and functionname"),
        ({"function_uri": "app/api"}, "function_uri: must be an absolute http or https URL"),
        ({"function_uri": URI, "appname": "app"}, "appname: stands beside function_uri: give one of them"),
        ({"function_uri": URI, "functionname": "f"}, "functionname: stands beside function_uri: give one of them"),
        ({"appname": "app"}, "functionname: is required with appname"),
        ({"functionname": "f"}, "appname: is required with functionname"),
        ({"appname": "a.b", "functionname": "f"}, "appname: must be the name of a function app (got 'a.b')"),
        ({"appname": "app", "functionname": "1f"}, "functionname: must be the name of a function (got '1f')"),
        ({"function_uri": URI, "authorization": {"apikey": ""}}, "authorization.apikey: must not be empty"),
        ({"function_uri": URI, "authorization": {"apikey": "s3cret\n"}}, "authorization.apikey: "),
        ({"function_uri": URI, "entra": {}}, "entra.scope: or resource is required"),
        ({"function_uri": URI, "entra": {"scope": "s", "resource": "r"}}, "entra.scope: or resource is required"),
    ],
)
def test_what_is_refused(config: dict[str, Any], message: str) -> None:
    found = errors(config)
    assert len(found) == 1
    assert found[0].startswith(f"azure-functions.{message}")
    assert "s3cret" not in found[0]


@pytest.mark.parametrize(
    ("config", "url"),
    [
        ({}, "https://app.azurewebsites.net/api/hello"),
        ({"routeprefix": ""}, "https://app.azurewebsites.net/hello"),
        ({"routeprefix": "v1/shop/"}, "https://app.azurewebsites.net/v1/shop/hello"),
    ],
)
def test_names_make_the_url(config: dict[str, str], url: str) -> None:
    plugin = make_plugin(AzureFunctions, {"appname": "app", "functionname": "hello", **config})
    target = plugin.target()
    assert (f"{target.scheme}://{target.host}{target.path}", plugin.destination()) == (url, url)


def test_a_time_that_azure_never_takes_is_warned_about() -> None:
    assert warnings(made(timeout=230_000)) == []
    assert warnings(made(timeout=230_001)) == ["timeout"]


def test_a_key_in_clear_text_is_warned_about() -> None:
    plugin = made(function_uri="http://functions.test/", authorization={"apikey": "k"})
    assert warnings(plugin) == ["function_uri"]


def test_a_key_in_the_url_is_warned_about() -> None:
    assert warnings(made(function_uri="https://functions.test/a?x=1&code=s3cret")) == ["function_uri"]
    assert warnings(made(function_uri="https://functions.test/a?barcode=1")) == []


def test_tokens_without_the_extra_are_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    config = {"function_uri": URI, "entra": {"resource": "api://app"}}
    assert errors(config) == [
        "azure-functions.entra: needs azure-identity: install phasegate-azure-functions[entra]",
    ]


def test_no_secret_shows_in_the_repr() -> None:
    assert "s3cret" not in repr(made(authorization={"apikey": "s3cret"}))
