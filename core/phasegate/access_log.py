"""One line for each request, written in batches so that a line costs next to nothing."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import stat
import traceback
from collections.abc import Iterator
from math import trunc
from time import monotonic, time
from typing import Any

import orjson

from .exchange import Exchange
from .logs import timestamp

_logger = logging.getLogger(__name__)

_FLUSH_SECONDS = 0.05
# POSIX writes up to PIPE_BUF bytes to a pipe in one piece; longer ones from several workers could mix. To a file every write
# is one piece.
_ATOMIC_BYTES = 4096
_FILE_BYTES = 1 << 20
_TOGETHER = 64

_PLAIN: dict[str, Any] = dict.fromkeys(
    (
        *("time", "event", "request_id", "client", "method", "host", "path", "protocol"),
        *("status", "bytes", "duration_ms", "route", "consumer"),
    )
) | {"event": "access"}
_CALLED = _PLAIN | dict.fromkeys(("upstream", "upstream_status", "upstream_ms"))
_RAN = _CALLED | {"function": None}


class AccessLog:
    """Collects lines and writes them every 50 ms, whole lines at a time, to a file descriptor.

    What a request's line tells is kept as it is, and made into bytes with that of 63 others: in a turn that goes on to other
    things, a line takes five times as long, and its bytes would lie about in memory meanwhile.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._most_bytes = _FILE_BYTES if stat.S_ISREG(os.fstat(descriptor).st_mode) else _ATOMIC_BYTES
        self._noted: list[tuple[Any, ...]] = []
        self._pieces: list[bytes] = []
        self._timer: asyncio.TimerHandle | None = None

    def record(self, exchange: Exchange, status: int) -> None:
        """Note a finished exchange. Nothing of it is held but what its line says."""
        noted = self._noted
        route, consumer, error = exchange.route, exchange.consumer, exchange.error
        noted.append(
            (
                time(),
                monotonic() - exchange.started,
                exchange.request_id,
                exchange.received[0],
                status,
                exchange.bytes_sent,
                route.id if route is not None else None,
                consumer.username if consumer is not None else None,
                exchange.upstream,
                error.code if error is not None else None,
            )
        )
        if len(noted) >= _TOGETHER:
            self._put_down()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what was noted; called by itself, and once more before the process ends."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._put_down()
        lines, self._pieces = b"".join(self._pieces), []
        for block in _blocks(lines, self._most_bytes):
            _write_all(self._descriptor, block)

    def _put_down(self) -> None:
        noted, self._noted = self._noted, []
        self._pieces.append(_lines(noted))


def _told(noted: list[tuple[Any, ...]]) -> Iterator[dict[str, Any]]:
    """Yield the fields of each line, to be written before those of the next are asked for: lines of a kind share a dictionary.

    To fill one anew takes longer than to change its values. Tens of requests end within a millisecond, and share the text
    of their time.
    """
    plain, called, ran = _PLAIN.copy(), _CALLED.copy(), _RAN.copy()
    known, later, moment = 0.0, 0.0, ""
    for ended, seconds, request_id, request, status, size, route, consumer, upstream, error in noted:
        millisecond = ended * 1000
        if not known <= millisecond < later:
            known = float(trunc(millisecond))
            later, moment = known + 1, timestamp(ended)
        if upstream is None:
            fields = plain
        else:
            fields = called
            if upstream.function is not None:
                fields = ran
                fields["function"] = upstream.function
            fields["upstream"] = upstream.address
            fields["upstream_status"] = upstream.status
            taken = upstream.seconds
            fields["upstream_ms"] = None if taken is None else trunc(taken * 1_000_000) / 1000
        fields["time"] = moment
        fields["request_id"] = request_id
        fields["client"], fields["method"], fields["host"], target, path, version = request
        fields["path"] = target.partition("?")[0] or path
        fields["protocol"] = f"HTTP/{version}"
        fields["status"] = status
        fields["bytes"] = size
        fields["duration_ms"] = trunc(seconds * 1_000_000) / 1000
        fields["route"] = route
        fields["consumer"] = consumer
        yield fields if error is None else {**fields, "error": error}


def _lines(noted: list[tuple[Any, ...]]) -> bytes:
    try:
        return b"\n".join([*map(orjson.dumps, _told(noted)), b""])
    except Exception:  # noqa: BLE001 (whatever a plugin left in one exchange's facts, the others have their lines)
        return b"".join(map(_line_alone, noted))


def _line_alone(noted: tuple[Any, ...]) -> bytes:
    """Return one line, without what is told of the upstream where that can't be told."""
    try:
        return b"".join(map(_dumped, _told([noted])))
    except Exception as error:  # noqa: BLE001 (of any kind)
        *told, _, code = noted
        cause = traceback.format_exception_only(error)[-1].strip()
        facts = {"cause": f"{cause}: leave numbers and text in the facts of the upstream"}
        _logger.error("facts left out of the access log", extra={"request_id": told[2], "route": told[6], **facts})  # noqa: TRY400
        return b"".join(map(_dumped, _told([(*told, None, code)])))


def _dumped(fields: dict[str, Any]) -> bytes:
    """Return fields as a line. What a plugin left there that JSON has no form for takes nothing else with it."""
    try:
        return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError as error:
        facts = {
            "function": repr(fields.pop("function", None)),
            "cause": f"{error}: leave what JSON knows in the facts",
        }
        told = {name: fields[name] for name in ("request_id", "route")}
        _logger.error("facts left out of the access log", extra={**told, **facts})  # noqa: TRY400 (no stack tells whose)
        return json.dumps(fields).encode() + b"\n"


def _blocks(lines: bytes, most_bytes: int) -> Iterator[bytes]:
    """Yield the lines in blocks of at most so many bytes, a longer line alone."""
    begin = 0
    while begin < len(lines):
        end = lines.rfind(b"\n", begin, begin + most_bytes) + 1 or lines.index(b"\n", begin) + 1
        yield lines[begin:end]
        begin = end


def _write_all(descriptor: int, block: bytes) -> None:
    while block:
        try:
            block = block[os.write(descriptor, block) :]
        except BlockingIOError:
            continue
        except OSError:
            return
