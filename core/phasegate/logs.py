"""Log lines as JSON: one object a line, an event and its fields."""

from __future__ import annotations

import logging
import sys
import time
from functools import lru_cache
from typing import Any

import orjson

from .errors import ConfigError

# What every LogRecord has; everything else was passed as `extra` and becomes a field.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


# Libraries that tell of every step of theirs, and from what level on they are heard. botocore tells of secrets while it
# does, and raises whatever it warns of.
_TALKATIVE = {
    "asyncio": logging.WARNING,
    "botocore": logging.ERROR,
    "urllib3": logging.WARNING,
    "watchfiles": logging.WARNING,
}


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object: `time` (UTC), `level`, `logger`, `event`, then the record's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line, with the traceback as a field where there is one."""
        line: dict[str, Any] = {
            "time": timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line.update((key, value) for key, value in vars(record).items() if key not in _STANDARD)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def timestamp(seconds: float) -> str:
    """Return a time in seconds since 1970 as RFC 3339 text with milliseconds, in UTC."""
    second, thousandths = divmod(int(seconds * 1000), 1000)
    return f"{_second(second)}.{thousandths:03d}Z"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def report_refusal(logger: logging.Logger, error: ConfigError) -> None:
    """Log why a configuration is refused, a line for each finding."""
    for finding in error.findings:
        fields = {"file": error.source, "path": finding.path, "detail": finding.message}
        logger.error("configuration refused", extra=fields)


def configure(level: str) -> None:
    """Send every logger's lines of this level and above to standard error. Called once, by a process's first function."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    set_level(level)
    for name, least in _TALKATIVE.items():
        logging.getLogger(name).setLevel(least)


def set_level(level: str) -> None:
    """Send the lines of this level and above from now on."""
    logging.getLogger().setLevel(level.upper())
