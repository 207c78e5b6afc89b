import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from phasegate import ConfigError
from phasegate.environment import FromEnvironment
from phasegate.registry import Registry
from phasegate.schema.tables import Schemas
from phasegate.snapshot import Snapshot
from phasegate.snapshot.certificates import Certificate
from phasegate.store.records import Record

SCHEMAS = Schemas(Registry([]))
AUTHORITY = trustme.CA()
OTHER = trustme.CA()
CA = AUTHORITY.cert_pem.bytes().decode()
NOW = datetime.now(UTC)


def issued(*names: str, days: float = 365, authority: trustme.CA = AUTHORITY) -> dict[str, str]:
    """Return a certificate and its key."""
    begin = NOW - timedelta(days=1000)
    leaf = authority.issue_cert(*names, not_before=begin, not_after=NOW + timedelta(days=days))
    cert = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
    return {"cert": cert.decode(), "key": leaf.private_key_pem.bytes().decode()}


A, B = issued("a.test", "*.a.test"), issued("b.test")


def entry(id_: str, *names: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, **A, "snis": list(names), **fields}


def snapshot(*entries: dict[str, Any], previous: Snapshot | None = None) -> Snapshot:
    return Snapshot({"ssls": list(entries)}, SCHEMAS, previous)


def found(built: Snapshot, name: str) -> str | None:
    certificate = built.certificates.find(name)
    return certificate.id if certificate else None


def errors(*entries: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        snapshot(*entries)
    messages = [str(finding) for finding in caught.value.findings]
    keys = [line for value in (A, B) for line in value["key"].splitlines()[1:-1]]
    assert not any(line in message for line in keys for message in messages)
    return messages


def warnings(*entries: dict[str, Any]) -> list[str]:
    return [str(finding) for finding in snapshot(*entries).warnings]


def test_an_exact_name_goes_before_the_longest_wildcard() -> None:
    built = snapshot(
        entry("exact", "www.shop.a.test"), entry("short", "*.a.test"), entry("long", "*.shop.a.test", "shop.a.test")
    )
    names = ["www.shop.a.test", "x.shop.a.test", "shop.a.test", "y.x.a.test", "a.test", "", "test"]
    assert [found(built, name) for name in names] == ["exact", "long", "long", "short", None, None, None]


def test_names_are_compared_in_lower_case() -> None:
    assert found(snapshot(entry("a", "A.Test")), "a.test") == "a"


def test_sni_stands_for_a_list_of_one() -> None:
    value = {"id": "a", **A, "sni": "a.test"}
    assert found(snapshot(value), "a.test") == "a"


def test_an_entry_that_is_off_is_judged_and_serves_nobody() -> None:
    assert found(snapshot(entry("off", "a.test", status=0), entry("on", "a.test")), "a.test") == "on"
    assert errors(entry("off", "a.test", status=0, key="x")) == ["ssls[0].key: is no unencrypted private key in PEM"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"snis": None, "sni": None}, "ssls[0].snis: is required (or sni)"),
        ({"sni": "a.test"}, "ssls[0].sni: stands beside snis: give one of them"),
        ({"cert": None}, "ssls[0].cert: is required"),
        ({"key": None}, "ssls[0].key: is required"),
        ({"key": ""}, "ssls[0].key: must not be empty"),
        ({"keys": A["key"], "certs": [A["cert"]]}, "ssls[0].keys: must be a list"),
        ({"cert": "x"}, "ssls[0].cert: is no certificate chain in PEM"),
        ({"cert": A["key"]}, "ssls[0].cert: is no certificate chain in PEM"),
        ({"cert": "\ud800"}, "ssls[0].cert: is no certificate chain in PEM"),
        ({"key": A["cert"]}, "ssls[0].key: is no unencrypted private key in PEM"),
        ({"key": B["key"]}, "ssls[0].key: is not the key of cert: give the two that belong together"),
        ({"certs": [B["cert"]]}, "ssls[0].certs: has 1 entries and keys has 0: give each its own key"),
        (
            {"certs": [A["cert"], B["cert"]], "keys": [A["key"], A["key"]]},
            "ssls[0].keys[1]: is not the key of certs[1]: give the two that belong together",
        ),
        ({"client": {}}, "ssls[0].client.ca: is required"),
        ({"client": {"ca": "x"}}, "ssls[0].client.ca: holds no certificates in PEM"),
        ({"client": {"ca": CA, "depth": -1}}, "ssls[0].client.depth: must be at least 0 (got -1)"),
        (
            {"client": {"ca": CA, "skip_mtls_uri_regex": ["/x"]}},
            "ssls[0].client.skip_mtls_uri_regex: is not available in this version: leave it out",
        ),
        ({"type": "client"}, "ssls[0].type: is not available in this version (got 'client'): set it to server"),
        ({"snis": ["a b"]}, "ssls[0].snis[0]: must be a host name such as example.com or *.example.com (got 'a b')"),
    ],
)
def test_a_mistake_is_told_with_its_path_and_shows_no_key(fields: dict[str, Any], message: str) -> None:
    value = {key: item for key, item in {**entry("a", "a.test"), **fields}.items() if item is not None}
    assert errors(value) == [message]


def test_every_mistake_is_told() -> None:
    found_errors = errors(entry("a", "a.test", cert="x", key="y"), {"id": "b", **A, "client": {"ca": ""}})
    assert [line.split(":")[0] for line in found_errors] == ["ssls[0].cert", "ssls[0].key", "ssls[1].client.ca"]


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_its_password() -> None:
    key = serialization.load_pem_private_key(A["key"].encode(), None)
    encrypted = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"sesame"),
    )
    assert errors(entry("a", "a.test", key=encrypted.decode())) == ["ssls[0].key: is no unencrypted private key in PEM"]


def test_what_openssl_alone_refuses_is_told_too(tmp_path: Any) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:512", "-nodes", "-subj", "/CN=a.test"]
    subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True)
    found_errors = errors(entry("a", "a.test", cert=cert.read_text(), key=key.read_text()))
    assert found_errors[0].startswith(("ssls[0].cert: is not taken by OpenSSL: EE_KEY_TOO_SMALL", "ssls[0].key: "))


def test_one_name_is_of_one_entry() -> None:
    assert errors(entry("x", "a.test", "b.test"), entry("y", "c.test", "B.test")) == [
        "ssls[1].snis: b.test is a name of ssls/x too: leave it to one of them"
    ]


def test_a_name_that_the_certificate_does_not_cover_is_a_warning() -> None:
    assert warnings(entry("a", "a.test", "www.a.test", "*.a.test")) == []
    assert warnings(entry("a", "x.y.a.test", "*.y.a.test")) == [
        "ssls[0].cert: does not cover x.y.a.test, and clients refuse it there",
        "ssls[0].cert: does not cover *.y.a.test, and clients refuse it there",
    ]


def test_each_pair_is_judged() -> None:
    further = issued("elsewhere.test")
    assert warnings(entry("a", "a.test", certs=[further["cert"]], keys=[further["key"]])) == [
        "ssls[0].certs[0]: does not cover a.test, and clients refuse it there"
    ]


@pytest.mark.parametrize(("days", "message"), [(29, "expires on"), (-1, "has expired on"), (31, None)])
def test_an_end_that_is_near_or_past_is_a_warning(days: float, message: str | None) -> None:
    found_warnings = warnings({"id": "a", **issued("a.test", days=days), "sni": "a.test"})
    assert len(found_warnings) == (message is not None)
    assert all(warning.startswith(f"ssls[0].cert: {message}") for warning in found_warnings)


def test_a_warning_comes_again_with_every_snapshot() -> None:
    value = {"id": "a", **issued("a.test", days=3), "sni": "a.test"}
    first = snapshot(value)
    assert first.warnings == snapshot(value, previous=first).warnings != ()


def test_a_context_is_kept_while_what_it_was_made_of_is_the_same() -> None:
    client = {"ca": CA}
    first = snapshot(entry("a", "a.test", client=client), entry("b", "b.test"))
    second = snapshot(entry("b", "b2.test", client=client), entry("a", "a2.test", client=client), previous=first)
    assert context(first, "a.test") is context(second, "a2.test")
    assert context(first, "b.test") is not context(second, "b2.test")


def context(built: Snapshot, name: str) -> object:
    certificate = built.certificates.find(name)
    assert certificate is not None
    return certificate.context


def test_rules_are_equal_that_ask_for_the_same_proof() -> None:
    other = OTHER.cert_pem.bytes().decode()
    clients = {"a": {"ca": CA}, "b": {"ca": f"{CA}\n"}, "c": {"ca": other}, "d": {"ca": CA, "depth": 1}, "e": None}
    entries = [
        {key: value for key, value in entry(name, f"{name}.test", client=client).items() if value is not None}
        for name, client in clients.items()
    ]
    certificates = snapshot(*entries).certificates
    rules = {name: certificates.rule_for(f"{name}.test") for name in clients}
    assert rules["a"] == rules["b"] != rules["c"]
    assert rules["a"] != rules["d"]
    assert (rules["e"], certificates.rule_for("elsewhere")) == (None, None)


def test_values_out_of_the_environment_are_taken_and_not_shown() -> None:
    pair = {key: FromEnvironment(value) for key, value in A.items()}
    assert found(snapshot({"id": "a", **pair, "sni": FromEnvironment("a.test")}), "a.test") == "a"
    assert errors({"id": "a", **pair, "cert": FromEnvironment("s3cret"), "sni": "a.test"}) == [
        "ssls[0].cert: is no certificate chain in PEM"
    ]


def test_no_entry_shows_its_key() -> None:
    certificate = snapshot(entry("a", "a.test")).certificates.find("a.test")
    assert isinstance(certificate, Certificate)
    assert "material" not in repr(certificate)


def test_another_server_than_our_own_can_not_choose() -> None:
    with pytest.raises(ConfigError, match=r"ssls: needs server\.protocol: native"):
        Snapshot({"ssls": [entry("a", "a.test")]}, Schemas(Registry([]), native=False))
    assert not Snapshot({"ssls": []}, Schemas(Registry([]), native=False)).certificates


def record(id_: str, *names: str, **fields: Any) -> Record:
    value = {key: item for key, item in entry(id_, *names, **fields).items() if key != "id"}
    return Record("ssls", id_, {**value, "create_time": 1, "update_time": 1}, 1, 1)


def test_the_stores_entries_join_the_files() -> None:
    stored = record("stored", "b.a.test")
    document = {"ssls": [entry("filed", "a.test")]}
    built = Snapshot(document, SCHEMAS, records={stored.key: stored})
    assert (found(built, "a.test"), found(built, "b.a.test")) == ("filed", "stored")


def test_a_name_of_the_files_is_not_one_of_the_stores() -> None:
    stored = record("stored", "a.test")
    document = {"ssls": [entry("filed", "a.test")]}
    before = Snapshot(document, SCHEMAS)
    with pytest.raises(ConfigError, match=r"ssls/stored\.snis: a\.test is a name of ssls/filed too"):
        Snapshot(document, SCHEMAS, before, records={stored.key: stored})


def test_certificates_that_nothing_touches_are_taken_over_whole() -> None:
    document = {"ssls": [entry("a", "a.test")], "routes": []}
    first = Snapshot(document, SCHEMAS)
    second = Snapshot({**document, "routes": [{"id": "r", "uri": "/"}]}, SCHEMAS, first)
    assert second.certificates is first.certificates


def test_a_reference_that_stands_for_another_certificate_is_followed() -> None:
    document = {"ssls": [{"id": "a", "cert": "$env://CERT", "key": "$env://KEY", "snis": ["a.test"]}]}
    former = issued("a.test")
    values = [{"$env://CERT": pair["cert"], "$env://KEY": pair["key"]} for pair in (former, A)]
    first = Snapshot(document, SCHEMAS, references=values[0])
    second = Snapshot(document, SCHEMAS, first, references=values[1])
    assert context(first, "a.test") is not context(second, "a.test")
