import math
from typing import Any

import pytest

from phasegate.environment import FromEnvironment
from phasegate.schema import Schema

DEFINITION: dict[str, Any] = {
    "timeout": {"type": "integer", "min": 100, "default": 3000},
    "ratio": {"type": "number", "max": 1},
    "uri": {"type": "string", "format": "url"},
    "name": {"type": "string", "empty": False},
    "color": {"type": "string", "allowed": ["red", "green"]},
    "secretkey": {"type": "string", "secret": True},
    "secret_key": {"type": "string", "alias_of": "secretkey", "secret": True},
    "auth": {"type": "dict", "schema": {"token": {"type": "string", "secret": True}, "realm": {"type": "string"}}},
    "nested": {
        "type": "dict",
        "default": {},
        "schema": {
            "flag": {"type": "boolean", "default": True},
            "tags": {"type": "list", "schema": {"type": "string"}},
        },
    },
    "later": {"available": []},
    "kind": {"type": "string", "available": ["a"]},
    "code": {"type": "string", "regex": "[a-z]+"},
    "maybe": {"type": "string", "nullable": True},
    "labels": {"type": "dict", "valuesrules": {"type": "integer"}},
}


def errors(document: object) -> list[str]:
    return [str(finding) for finding in Schema(DEFINITION).validate(document)[1]]


def test_defaults_are_filled_in_at_every_depth() -> None:
    value, findings = Schema(DEFINITION).validate({})
    assert not findings
    assert value == {"timeout": 3000, "nested": {"flag": True}}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"timeout": 5}, "timeout: must be at least 100 (got 5)"),
        ({"timeout": "5"}, "timeout: must be an integer (got '5')"),
        ({"timeout": True}, "timeout: must be an integer (got true)"),
        ({"ratio": math.nan}, "ratio: must be a number (got nan)"),
        ({"ratio": math.inf}, "ratio: must be a number (got inf)"),
        ({"ratio": 2}, "ratio: must be at most 1 (got 2)"),
        ({"tiemout": 5}, "tiemout: is not a known key: did you mean 'timeout'?"),
        ({"name": ""}, "name: must not be empty (got '')"),
        ({"color": "blue"}, "color: must be one of red, green (got 'blue')"),
        ({"nested": {"flag": "yes"}}, "nested.flag: must be true or false (got 'yes')"),
        ({"nested": {"tags": ["a", 1]}}, "nested.tags[1]: must be a string (got 1)"),
        ({"nested": []}, "nested: must be an object (got a list)"),
        (
            {"uri": "ftp://x"},
            "uri: must be an absolute http or https URL such as https://example.com/path (got 'ftp://x')",
        ),
        ({"code": "abc\n"}, "code: must match [a-z]+ (got 'abc\\n')"),
        ({"labels": {"x": "y"}}, "labels.x: must be an integer (got 'y')"),
        ({"later": 1}, "later: is not available in this version: leave it out"),
        ({"kind": "b"}, "kind: is not available in this version (got 'b'): set it to a"),
        ({"timeout": None}, "timeout: must not be null: give a value or leave the key out"),
        ({"nested": {"flag": None}}, "nested.flag: must not be null: give a value or leave the key out"),
        ([], "must be an object"),
    ],
)
def test_an_error_names_path_value_and_remedy(document: object, message: str) -> None:
    assert errors(document) == [message]


def test_all_errors_are_told_at_once() -> None:
    found = errors({"timeout": 5, "color": "blue", "maybe": None, "nested": {"flag": None, "tags": [1]}})
    assert sorted(line.split(":")[0] for line in found) == ["color", "nested.flag", "nested.tags[0]", "timeout"]


def test_paths_are_put_under_where_the_document_stands() -> None:
    _, findings = Schema(DEFINITION).validate({"timeout": 5}, "routes[3].plugins.aws-lambda")
    assert str(findings[0]) == "routes[3].plugins.aws-lambda.timeout: must be at least 100 (got 5)"


@pytest.mark.parametrize(
    "document",
    [{"secretkey": 12345}, {"auth": "s3cret"}, {"auth": {"token": ["s3cret"]}}, {"auth": {"tokn": "s3cret"}}],
)
def test_no_message_shows_what_may_be_a_secret(document: object) -> None:
    text = " ".join(errors(document))
    assert text
    assert "s3cret" not in text
    assert "12345" not in text


def test_an_alias_is_taken_for_its_name() -> None:
    value, findings = Schema(DEFINITION).validate({"secret_key": "x"})
    assert not findings
    assert value["secretkey"] == "x"


@pytest.mark.parametrize("document", [{"secretkey": "a", "secret_key": "b"}, {"secret_key": "b", "secretkey": "a"}])
def test_both_spellings_at_once_are_an_error(document: object) -> None:
    assert errors(document) == ["secret_key: is another spelling of 'secretkey': give one of them"]


def test_text_from_the_environment_becomes_what_its_key_asks_for() -> None:
    document = {
        "timeout": FromEnvironment("500"),
        "nested": {"flag": FromEnvironment("false")},
        "name": FromEnvironment("7"),
    }
    value, findings = Schema(DEFINITION).validate(document)
    assert not findings
    assert value == {"timeout": 500, "nested": {"flag": False}, "name": "7"}


def test_no_message_shows_text_from_the_environment() -> None:
    found = errors({"timeout": FromEnvironment("s3cret")})
    assert found == ["timeout: must be an integer (got a value from the environment)"]


def test_a_document_that_was_good_once_is_not_judged_again() -> None:
    schema = Schema(DEFINITION)
    first, _ = schema.validate({"timeout": 500})
    second, _ = schema.validate({"timeout": 500})
    assert second is first


def test_a_result_does_not_share_the_defaults() -> None:
    definition: dict[str, dict[str, Any]] = {"items": {"type": "list", "default": []}, "x": {"type": "integer"}}
    schema = Schema(definition)
    schema.validate({})[0]["items"].append(1)
    assert schema.validate({"x": 1})[0]["items"] == []


def test_the_document_itself_stays_as_it_was() -> None:
    document: dict[str, Any] = {"nested": {}}
    Schema(DEFINITION).validate(document)
    assert document == {"nested": {}}


def test_a_broken_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="schema is not valid"):
        Schema({"x": {"type": "strnig"}})


@pytest.mark.parametrize(
    "url",
    ["http://h", "https://h:8443/p?q=1", "http://[::1]:80/", "https://x9w6.execute-api.us-east-1.amazonaws.com/d/f"],
)
def test_urls_that_are_taken(url: str) -> None:
    assert errors({"uri": url}) == []


@pytest.mark.parametrize(
    "url", ["", "h", "//h", "http://", "http://h:0", "http://h:x", "http://u:p@h", "http://h/#f", "http://h/a b"]
)
def test_urls_that_are_not_taken(url: str) -> None:
    assert len(errors({"uri": url})) == 1


@pytest.mark.parametrize(
    ("uri", "shown"),
    [("//user:s3cret@h/x", "'//***@h/x'"), ("ftp://h/x?code=s3cret", "'ftp://h/x?***'")],
)
def test_no_credential_in_a_url_is_shown(uri: str, shown: str) -> None:
    assert errors({"uri": uri})[0].endswith(f"(got {shown})")


@pytest.mark.parametrize("inside", [{"type": "dict", "schema": {}}, {"type": "list", "schema": {"type": "string"}}])
def test_null_has_no_inside_to_judge(inside: dict[str, Any]) -> None:
    assert Schema({"maybe": {**inside, "nullable": True}}).validate({"maybe": None}) == ({"maybe": None}, [])


def test_what_a_key_means_words_no_message() -> None:
    schema = Schema({"a": {"type": "string", "about": "What it is for."}})
    assert [str(finding) for finding in schema.validate({"a": 1})[1]] == ["a: must be a string (got 1)"]
