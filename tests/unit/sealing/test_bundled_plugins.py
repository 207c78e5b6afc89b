"""Every secret of the plugins that come along is marked, and so sealed in the store and masked in answers."""

import re

import pytest

from phasegate.registry import Registry, installed
from phasegate.schema.tables import Schemas
from phasegate.sealing import SecretFields
from phasegate.sealing.places import shown

REGISTRY = Registry.load(installed())
FIELDS = SecretFields(Schemas(REGISTRY))
SUSPICIOUS = re.compile(r"(^|_)(key|secret|password|token|apikey)s?($|_)")
# They name a credential, or say how one is written.
NO_SECRETS = {
    "jwt-auth": {"key", "base64_secret", "public_key"},
    "hmac-auth": {"key_id"},
    "aws-sigv4-auth": {"access_key_id"},
}


@pytest.mark.parametrize("name", list(REGISTRY.classes))
def test_what_sounds_like_a_secret_on_a_consumer_is_one(name: str) -> None:
    schema = REGISTRY.classes[name].consumer_schema or {}
    suspects = {key for key in schema if SUSPICIOUS.search(key)} - NO_SECRETS.get(name, set())
    value = {"plugins": {name: dict.fromkeys(schema, "x")}}
    found = {shown(place).rpartition(".")[2] for place in FIELDS(("consumers", "jack"), value)}
    assert found == suspects


@pytest.mark.parametrize(
    ("plugin", "config", "secrets"),
    [
        ("csrf", {"key": "x", "name": "n"}, {"key"}),
        ("openid-connect", {"client_id": "c", "client_secret": "x", "discovery": "https://p"}, {"client_secret"}),
        ("key-auth", {"header": "x-key"}, set()),
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_secrets_on_routes_inside_of_multi_auth_too(
    plugin: str, config: dict[str, str], secrets: set[str], *, inside: bool
) -> None:
    plugins = {"multi-auth": {"auth_plugins": [{plugin: config}]}} if inside else {plugin: config}
    found = FIELDS(("routes", "r"), {"plugins": plugins})
    assert {str(place[-1]) for place in found} == secrets
