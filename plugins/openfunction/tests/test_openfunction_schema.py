"""Fields, defaults and bounds, which are those of APISIX's plugin, and what is added beside them."""

from typing import Any

import pytest

from phasegate import ConfigError
from phasegate.testing import make_plugin
from phasegate_openfunction import OpenFunction

URI = "https://functions.test/default/hello"


def made(**config: Any) -> OpenFunction:
    return make_plugin(OpenFunction, {"function_uri": URI, **config})


def test_defaults_are_apisixs() -> None:
    plugin = made()
    assert (plugin.timeout, plugin.ssl_verify, plugin.max_req_body_size) == (3000, True, 67108864)
    assert (plugin.keepalive, plugin.keepalive_pool, plugin.keepalive_timeout) == (True, 5, 60000)
    assert (plugin.authorization.service_token, plugin.cloudevents) == (None, None)
    assert plugin.priority == -1902


@pytest.mark.parametrize(
    ("key", "bound"), [("timeout", 100), ("keepalive_pool", 1), ("keepalive_timeout", 1000), ("max_req_body_size", 1)]
)
def test_each_bound_holds_and_one_below_does_not(key: str, bound: int) -> None:
    assert getattr(made(**{key: bound}), key) == bound
    with pytest.raises(ConfigError, match=rf"openfunction\.{key}: must be at least {bound} \(got {bound - 1}\)"):
        made(**{key: bound - 1})


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"function_uri": "functions.test/hello"}, "function_uri: must be an absolute http or https URL"),
        ({"authorization": {"service_token": ""}}, "authorization.service_token: must not be empty"),
        ({"authorization": {"bearer": "s3cret\n"}}, "authorization.bearer: "),
        (
            {"authorization": {"service_token": "u:s3cret", "bearer": "s3cret"}},
            "authorization.bearer: stands beside service_token: give one of them",
        ),
        ({"authorization": {"token": "s3cret"}}, "authorization.token: is not a known key"),
        ({"cloudevents": {}}, "cloudevents.type: is required"),
        ({"cloudevents": {"type": ""}}, "cloudevents.type: must not be empty"),
        ({"cloudevents": {"type": "t", "id": "1"}}, "cloudevents.id: is not a known key"),
    ],
)
def test_what_is_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made(**config)
    assert [str(finding).startswith(f"openfunction.{message}") for finding in caught.value.findings] == [True]
    assert "s3cret" not in str(caught.value)


def test_the_function_is_required() -> None:
    with pytest.raises(ConfigError, match=r"openfunction\.function_uri: is required"):
        make_plugin(OpenFunction, {})


def test_no_secret_shows_in_the_repr() -> None:
    assert "s3cret" not in repr(made(authorization={"service_token": "u:s3cret"}))


@pytest.mark.parametrize(("authorization", "count"), [({}, 0), ({"bearer": "t"}, 1)])
def test_a_token_in_clear_text_is_warned_about(authorization: dict[str, str], count: int) -> None:
    plugin = make_plugin(OpenFunction, {"function_uri": "http://functions.test/", "authorization": authorization})
    assert [finding.path for finding in plugin.check()] == ["function_uri"] * count
