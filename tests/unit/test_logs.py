import json
import logging

from phasegate.logs import JsonFormatter, timestamp


def line(**extra: object) -> dict[str, object]:
    record = logging.getLogger("phasegate.test").makeRecord(
        "phasegate.test", logging.WARNING, "f", 1, "worker died", (), None, extra=extra
    )
    parsed: dict[str, object] = json.loads(JsonFormatter().format(record))
    return parsed


def test_a_line_is_an_event_with_its_fields() -> None:
    parsed = line(slot=3, path="a\nb")
    assert parsed["event"] == "worker died"
    assert parsed["level"] == "warning"
    assert parsed["logger"] == "phasegate.test"
    assert (parsed["slot"], parsed["path"]) == (3, "a\nb")


def test_what_is_no_json_is_written_as_text() -> None:
    assert line(error=ValueError("x"))["error"] == "x"


def test_times_are_utc_with_milliseconds() -> None:
    assert timestamp(1_700_000_000.1239) == "2023-11-14T22:13:20.123Z"
