import pytest

from phasegate.references.syntax import File, Managed, Reference, Unresolved, Variable, is_reference, parse


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("$env://NAME", Variable("NAME")),
        ("$ENV://NAME", Variable("NAME")),
        ("$env://NAME/a/b-c", Variable("NAME", ("a", "b-c"))),
        ("$file:///run/secrets/key", File("/run/secrets/key")),
        ("$file://tls/key.pem", File("tls/key.pem")),
        ("$secret://vault/1/jack/auth-key", Managed("vault/1", "jack", "auth-key")),
        ("$secret://vault/1/team/jack/auth-key", Managed("vault/1", "team/jack", "auth-key")),
        ("$secret://aws/eu.1/prod/db+x@y=z/k", Managed("aws/eu.1", "prod/db+x@y=z", "k")),
        (
            "$secret://aws/1/arn:aws:secretsmanager:us-east-1:1:secret:n-AbC/k",
            Managed("aws/1", "arn:aws:secretsmanager:us-east-1:1:secret:n-AbC", "k"),
        ),
    ],
)
def test_what_a_reference_says(text: str, reference: Reference) -> None:
    assert is_reference(text)
    assert parse(text) == reference


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("$env://", "names no environment variable: write"),
        ("$env://9", "names no environment variable"),
        ("$env://A//b", "names no environment variable"),
        ("$env://A\n", "must be printable text"),
        ("$file://", "names no file"),
        ("$file://" + "x" * 1024, "at most 1024 characters"),
        ("$secret://gcp/1/name/key", "names no secret: write"),
        ("$secret://vault/1/name", "names no secret"),
        ("$secret://vault/1/../sys/key", "names no secret"),
        ("$secret://vault/1/a/../../sys/key", "names no secret"),
        ("$secret://vault/1/a/./b/key", "names no secret"),
        ("$secret://vault/1/a?b/key", "names no secret"),
        ("$secret://vault/1//key", "names no secret"),
    ],
)
def test_one_that_says_nothing_is_refused_with_what_to_write(text: str, message: str) -> None:
    assert is_reference(text)
    with pytest.raises(Unresolved, match=message):
        parse(text)


@pytest.mark.parametrize("value", ["$env:NAME", "x$env://A", "${A}", "", 7, None, ["$env://A"]])
def test_what_is_no_reference(value: object) -> None:
    assert not is_reference(value)
