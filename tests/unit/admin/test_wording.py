import pytest

from phasegate import Finding
from phasegate.admin.wording import error_msg


@pytest.mark.parametrize(
    ("path", "message", "said"),
    [
        (
            "routes/1.uri",
            "must be a string",
            'invalid configuration: property "uri" validation failed: must be a string',
        ),
        ("routes/1", "must be an object", "invalid configuration: must be an object"),
        (
            "routes/1.plugins.p.a.b",
            "must be at least 1 (got 0)",
            'failed to check the configuration of plugin p err: property "a.b" validation failed: must be at least 1 (got 0)',
        ),
        ("routes/1.plugins.p", "unknown plugin 'p'; enabled: q", "unknown plugin [p]: enabled: q"),
        (
            "routes/1.plugins.p",
            "plugin 'p' is installed but not enabled: add it to plugins in gateway.yaml",
            "unknown plugin [p]: installed but not enabled: add it to plugins in gateway.yaml",
        ),
        (
            "routes/1.upstream_id",
            "there is no upstream '7'; known: none",
            "failed to fetch upstream info by upstream id [7], response code: 404; known: none",
        ),
        ("routes/1.host", "stands beside hosts: give one of them", "only one of host or hosts is allowed"),
        (
            "routes/2.upstream_id",
            "there is no upstream '7'",
            "routes/2.upstream_id: failed to fetch upstream info by upstream id [7], response code: 404",
        ),
        (
            "routes/2.plugins.p",
            "unknown plugin 'p'; enabled: q",
            "routes/2.plugins.p: unknown plugin [p]: enabled: q",
        ),
        (
            "file_routes[0].uri",
            "is wrong",
            'invalid configuration: property "file_routes[0].uri" validation failed: is wrong',
        ),
    ],
)
def test_findings_in_apisix_s_words(path: str, message: str, said: str) -> None:
    assert error_msg([Finding(path, message)], [("routes", "1")]) == said


def test_an_id_with_dots_is_no_path() -> None:
    said = error_msg([Finding("routes/a.b.uri", "is wrong")], [("routes", "a.b"), ("routes", "a")])
    assert said == 'routes/a.b: invalid configuration: property "uri" validation failed: is wrong'


def test_warnings_are_not_told_and_repeats_once() -> None:
    findings = [Finding("routes/1.a", "x"), Finding("routes/1.a", "x"), Finding("routes/1.b", "y", "warning")]
    assert error_msg(findings, [("routes", "1")]) == 'invalid configuration: property "a" validation failed: x'


def test_no_more_than_twenty_are_told() -> None:
    findings = [Finding(f"routes/1.k{number}", "x") for number in range(25)]
    assert error_msg(findings, [("routes", "1")]).endswith("; and 5 more")
