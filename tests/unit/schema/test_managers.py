from typing import Any

import pytest

from phasegate.schema.managers import ManagerSchema

VAULT = {"id": "vault/1", "uri": "https://vault.test:8200", "prefix": "kv/gateway", "token": "s3cret"}
AWS = {"id": "aws/1", "access_key_id": "s3cret", "secret_access_key": "s3cret"}


def test_managers_as_they_are_meant() -> None:
    schema = ManagerSchema()
    assert schema.validate(VAULT) == (VAULT, [])
    assert schema.validate(AWS) == ({**AWS, "region": "us-east-1"}, [])


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({**VAULT, "region": "x"}, "region: is not a known key; known here: id, namespace, prefix, token, uri"),
        ({**AWS, "token": "x"}, "token: is not a known key; known here: access_key_id, endpoint_url, id, region"),
        ({**VAULT, "token": None}, "token: must not be null: give a value or leave the key out"),
        ({**VAULT, "uri": "vault.test"}, "uri: must be an absolute http or https URL"),
        ({**VAULT, "prefix": "kv/../sys"}, "prefix: must be the path of a KV engine, such as kv/gateway"),
        ({**VAULT, "prefix": "/kv"}, "prefix: must be the path of a KV engine"),
        ({**AWS, "access_key_id": ["s3cret"]}, "access_key_id: must be a string"),
        ({"id": "gcp/1"}, "id: must be aws/NAME or vault/NAME"),
        ({}, "id: is required"),
        ([], "must be an object"),
    ],
)
def test_a_mistake_is_told_by_the_rules_of_the_manager(document: Any, message: str) -> None:
    _, findings = ManagerSchema().validate(document)
    assert [str(finding)[: len(message)] for finding in findings] == [message]
    assert "s3cret" not in str(findings[0])


def test_what_each_manager_needs() -> None:
    for name, keys in (("vault/1", {"uri", "prefix", "token"}), ("aws/1", {"access_key_id", "secret_access_key"})):
        _, findings = ManagerSchema().validate({"id": name}, "secrets[0]")
        assert {str(finding) for finding in findings} == {f"secrets[0].{key}: is required" for key in keys}
