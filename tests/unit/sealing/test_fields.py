from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from phasegate import Exchange, Plugin, Response, Secret, hookimpl
from phasegate.multi_auth import MultiAuth
from phasegate.registry import Registry, installed
from phasegate.schema.tables import Schemas
from phasegate.sealing import SecretFields
from phasegate.sealing.places import shown

_SECRET = {"type": "string", "secret": True}


@dataclass(kw_only=True)
class Keeper(Plugin):
    """Has secrets in every kind of place."""

    name: ClassVar[str] = "keeper"
    schema: ClassVar = {
        "token": _SECRET,
        "tokens": {"type": "list", "schema": _SECRET},
        "by_name": {"type": "dict", "valuesrules": _SECRET},
        "pairs": {"type": "list", "schema": {"type": "dict", "schema": {"name": {"type": "string"}, "key": _SECRET}}},
        "either": {
            "type": ["string", "dict"],
            "anyof": [{"type": "string"}, {"type": "dict", "schema": {"pin": _SECRET}}],
        },
        "plain": {"type": "string"},
        "old-token": {"type": "string", "alias_of": "token"},
    }
    metadata_schema: ClassVar = {"salt": _SECRET}
    token: Secret | None = None
    tokens: tuple[Secret, ...] = ()
    by_name: object = None
    pairs: object = None
    either: object = None
    plain: str = ""

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        return None


@pytest.fixture(scope="module")
def fields() -> SecretFields:
    offered = Registry.load(installed()).classes.values()
    return SecretFields(Schemas(Registry([*offered, Keeper])))


def places(fields: SecretFields, kind: str, value: Any, name: str = "1") -> set[str]:
    found = fields((kind, name), value)
    assert len(found) == len(set(found))
    return {shown(place) for place in found}


@pytest.mark.parametrize(
    "kind", ["routes", "services", "plugin_configs", "global_rules", "consumers", "consumer_groups"]
)
def test_marked_keys_of_plugins_wherever_plugins_stand(fields: SecretFields, kind: str) -> None:
    iam = {"accesskey": "a", "secretkey": "b", "aws_region": "us-east-1"}
    value = {"plugins": {"aws-lambda": {"function_uri": "u", "authorization": {"apikey": "k", "iam": iam}}}}
    assert places(fields, kind, value) == {
        "plugins.aws-lambda.authorization.apikey",
        "plugins.aws-lambda.authorization.iam.accesskey",
        "plugins.aws-lambda.authorization.iam.secretkey",
    }


def test_another_spelling_is_as_secret(fields: SecretFields) -> None:
    value = {"plugins": {"aws-lambda": {"authorization": {"iam": {"secret_key": "b"}}}, "keeper": {"old-token": "x"}}}
    assert places(fields, "routes", value) == {
        "plugins.aws-lambda.authorization.iam.secret_key",
        "plugins.keeper.old-token",
    }


def test_every_kind_of_place(fields: SecretFields) -> None:
    config = {
        "token": "x",
        "tokens": ["a", "b"],
        "by_name": {"one": "c"},
        "pairs": [{"name": "n", "key": "k"}, {"name": "m"}],
        "either": {"pin": "1"},
        "plain": "p",
    }
    assert places(fields, "routes", {"plugins": {"keeper": config}}) == {
        f"plugins.keeper.{place}"
        for place in ("token", "tokens[0]", "tokens[1]", "by_name.one", "pairs[0].key", "either.pin")
    }


@pytest.mark.parametrize("kind", ["consumers", "credentials"])
def test_on_consumers_the_consumer_schema_holds(fields: SecretFields, kind: str) -> None:
    assert places(fields, kind, {"plugins": {"key-auth": {"key": "k"}}}) == {"plugins.key-auth.key"}
    assert places(fields, "routes", {"plugins": {"key-auth": {"header": "h"}}}) == set()


def test_plugin_metadata_follows_its_own_schema(fields: SecretFields) -> None:
    assert places(fields, "plugin_metadata", {"id": "keeper", "salt": "s"}, "keeper") == {"salt"}


def test_every_text_of_a_plugin_that_is_not_enabled_is_secret(fields: SecretFields) -> None:
    config = {"key": "k", "nested": {"list": ["a", {"b": "c"}]}, "number": 1, "on": True, "ref": "$env://PHASEGATE_T"}
    for kind in ("routes", "consumers"):
        assert places(fields, kind, {"plugins": {"gone": config, "keeper": {"plain": "p"}}}) == {
            "plugins.gone.key",
            "plugins.gone.nested.list[0]",
            "plugins.gone.nested.list[1].b",
        }
    assert places(fields, "plugin_metadata", {"id": "gone", "salt": "s"}, "gone") == {"salt"}


def test_every_text_under_a_key_that_the_schema_does_not_have_is_secret(fields: SecretFields) -> None:
    config = {"former": ["a", {"b": "c"}], "plain": "p", "_meta": {"filter": "f"}, "by_name": {}}
    assert places(fields, "routes", {"plugins": {"keeper": config}}) == {
        "plugins.keeper.former[0]",
        "plugins.keeper.former[1].b",
    }
    value = {"plugins": {"aws-lambda": {"function_uri": "u", "authorization": {"iam": {"former": "x"}}}}}
    assert places(fields, "routes", value) == {"plugins.aws-lambda.authorization.iam.former"}
    assert places(fields, "plugin_metadata", {"former": "x"}, "keeper") == {"former"}


def test_certificates_and_managers(fields: SecretFields) -> None:
    assert places(fields, "ssls", {"cert": "c", "key": "k", "certs": ["d"], "keys": ["l"]}) == {"key", "keys[0]"}
    assert places(fields, "secrets", {"uri": "u", "prefix": "p", "token": "t"}) == {"token"}
    assert places(fields, "secrets", {"access_key_id": "a", "secret_access_key": "b", "session_token": "c"}) == {
        "access_key_id",
        "secret_access_key",
        "session_token",
    }


def test_what_stands_inside_of_multi_auth_follows_its_own_schema() -> None:
    fields = SecretFields(Schemas(Registry([MultiAuth, Keeper])))
    listed = [{"keeper": {"token": "t", "plain": "p"}}, {"strange": {"x": "y"}}]
    value = {"plugins": {"multi-auth": {"auth_plugins": listed}}}
    assert {shown(place) for place in fields(("routes", "r"), value)} == {
        "plugins.multi-auth.auth_plugins[0].keeper.token",
        "plugins.multi-auth.auth_plugins[1].strange.x",
    }


def test_references_are_no_secrets(fields: SecretFields) -> None:
    config = {"token": "$env://PHASEGATE_T", "tokens": ["$secret://vault/1/a/b", "x"]}
    assert places(fields, "routes", {"plugins": {"keeper": config}}) == {"plugins.keeper.tokens[1]"}


@pytest.mark.parametrize(
    "value",
    [
        {},
        None,
        [],
        {"plugins": []},
        {"plugins": {"nobody": None}},
        {"plugins": {"keeper": "x"}},
        {"plugins": {"keeper": {"tokens": "x"}}},
    ],
)
def test_values_of_any_shape_are_looked_at(fields: SecretFields, value: Any) -> None:
    assert places(fields, "routes", value) == set()


def test_a_secret_of_another_shape_is_secret_whole(fields: SecretFields) -> None:
    assert places(fields, "routes", {"plugins": {"keeper": {"token": {"a": "b"}}}}) == {"plugins.keeper.token"}
    assert places(fields, "routes", {"plugins": {"keeper": {"token": None}}}) == set()
