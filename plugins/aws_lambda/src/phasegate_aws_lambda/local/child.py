"""The program in a child process: imports the handler once, then runs it for one event after the other.

It is run by its path and uses the standard library alone, so that a cold start costs no import of Phasegate or aiohttp.
Events come and answers go over a socket pair as JSON behind a length of four bytes; a part of a stream follows, as it
is, the message that tells how many bytes it has (`chunk`). Standard output and error belong to the handler. Errors have
the types and texts of Lambda's own runtime (aws-lambda-python-runtime-interface-client).
"""

from __future__ import annotations

import decimal
import importlib
import json
import logging
import os
import queue
import resource
import signal
import socket
import struct
import sys
import threading
import time
import traceback
import types
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

LENGTH = struct.Struct("!I")
RESPONSE_LIMIT_BYTES = 6_291_556

INTEGRATION_TYPE = "application/vnd.awslambda.http-integration-response"
STREAM_TYPE = "application/octet-stream"
_PART_BYTES = 65_536

Handler = Callable[[Any, Any], Any]


class CognitoIdentity:
    """The caller's Amazon Cognito identity; only mobile clients have one."""

    cognito_identity_id: str | None = None
    cognito_identity_pool_id: str | None = None


class ClientContext:
    """What the caller said of itself: `client` is for mobile apps, `custom` and `env` are the caller's own."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.client = values.get("client")
        self.custom = values.get("custom")
        self.env = values.get("env")


def _client_context(values: Any) -> ClientContext | None:
    return ClientContext(values) if isinstance(values, dict) else None


class Context:
    """What a handler gets as its second argument.

    See https://docs.aws.amazon.com/lambda/latest/dg/python-context.html. As there, `memory_limit_in_mb` is text.
    """

    def __init__(self, invocation: dict[str, Any]) -> None:
        self.aws_request_id: str = invocation["request_id"]
        self.invoked_function_arn: str = invocation["arn"]
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.client_context = _client_context(invocation.get("client_context"))
        self.identity = CognitoIdentity()
        self._deadline_ms: int = invocation["deadline_ms"]

    def get_remaining_time_in_millis(self) -> int:
        """Return how many milliseconds are left before the invocation times out."""
        return max(0, self._deadline_ms - int(time.time() * 1000))

    def log(self, message: object) -> None:
        """Write to standard output, without a line's end."""
        sys.stdout.write(str(message))


class Fault(Exception):
    """An error of the runtime's own making, such as a handler that is not there."""

    def __init__(self, error_type: str, message: str, stack_trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.stack_trace = stack_trace or []


class _RequestIdFilter(logging.Filter):
    """Gives each log record the id of the invocation that wrote it."""

    request_id = ""

    def filter(self, record: logging.LogRecord) -> bool:
        record.aws_request_id = self.request_id
        return True


class Connection:
    """The child's end of the socket pair.

    A thread reads it, so that the parent's death ends the process even while the handler runs.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="lambda-connection", daemon=True).start()

    def receive(self) -> Any:
        """Wait for the parent's next message."""
        return self._events.get()

    def send(self, message: dict[str, Any]) -> None:
        """Send what ends an invocation, or its begin. Peak memory goes with it."""
        self._write(message | {"memory_mb": _peak_memory_mb()})

    def send_part(self, content_type: str, data: bytes) -> None:
        """Send a part of a stream; this waits until the parent has room for it."""
        self._write({"chunk": len(data), "type": content_type}, data)

    def _write(self, message: dict[str, Any], data: bytes = b"") -> None:
        text = json.dumps(message).encode()
        self._sock.sendall(LENGTH.pack(len(text)) + text + data)

    def _read(self) -> None:
        stream = self._sock.makefile("rb")
        while len(head := stream.read(LENGTH.size)) == LENGTH.size:
            (length,) = LENGTH.unpack(head)
            body = stream.read(length)
            if len(body) < length:
                break
            self._events.put(json.loads(body))
        _end_with_helpers()


def _end_with_helpers() -> None:
    """End this process and what the handler has started; the parent gave it a process group of its own."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def load_handler(path: str, name: str) -> Handler:
    """Import the module at `path` and return its function `name`. Raise Fault, or whatever the module raised."""
    folder, file = os.path.split(path)
    module_name = file.removesuffix(".py")
    sys.path.insert(0, folder)
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        raise Fault("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", trace) from error
    if os.path.realpath(getattr(module, "__file__", None) or "") != os.path.realpath(path):
        message = f"Cannot use built-in module {module_name} as a handler module: rename {file}"
        raise Fault("Runtime.BuiltInModuleConflict", message)
    try:
        return getattr(module, name)  # type: ignore[no-any-return]
    except AttributeError as error:
        message = f"Handler '{name}' missing on module '{module_name}'"
        raise Fault("Runtime.HandlerNotFound", message) from error


def error_document(error: Exception, request_id: str = "") -> dict[str, Any]:
    """Return what Lambda's runtime reports of an exception."""
    if isinstance(error, Fault):
        error_type, trace = error.error_type, error.stack_trace
    else:
        error_type, trace = type(error).__name__, _stack_trace(error.__traceback__)
    return {"errorMessage": str(error), "errorType": error_type, "requestId": request_id, "stackTrace": trace}


def _stack_trace(trace: TracebackType | None) -> list[str]:
    """Return the frames of the handler's own code: those of this file and of the import system are left out."""
    frames = [frame for frame in traceback.extract_tb(trace) if not _is_ours(frame.filename)]
    return traceback.format_list(frames)


def _is_ours(filename: str) -> bool:
    return filename in (__file__, importlib.__file__) or filename.startswith("<frozen importlib")


def invoke(handler: Handler, invocation: dict[str, Any], send_part: Callable[[str, bytes], None]) -> dict[str, Any]:
    """Run the handler for one event and return the message that tells how it went.

    Of a handler that is a generator, each part is sent as soon as it is there, if whoever calls takes a stream.
    """
    request_id = invocation["request_id"]
    os.environ["_X_AMZN_TRACE_ID"] = invocation["trace_id"]
    try:
        result = handler(json.loads(invocation["event"]), Context(invocation))
        streams = bool(invocation.get("stream")) and isinstance(result, types.GeneratorType)
        if streams:
            _stream(result, send_part)
        return {"result": _marshal(None if streams else result), "streamed": streams}
    except Exception as error:  # noqa: BLE001 (whatever a handler raises is its answer)
        return {"error": error_document(error, request_id)}


def _stream(parts: Iterator[object], send_part: Callable[[str, bytes], None]) -> None:
    """Send the parts as they come; one that begins with a head is what HTTP front ends take a response from."""
    content_type = ""
    for part in parts:
        content_type = content_type or (INTEGRATION_TYPE if isinstance(part, dict) else STREAM_TYPE)
        data = _part(part)
        for start in range(0, max(len(data), 1), _PART_BYTES):
            send_part(content_type, data[start : start + _PART_BYTES])


def _part(part: object) -> bytes:
    """Return a part of a stream: bytes, text, or an object that is the answer's head, with the eight zero bytes behind it."""
    if isinstance(part, dict):
        return _marshal(part).encode() + bytes(8)
    if isinstance(part, bytes | str):
        return part if isinstance(part, bytes) else part.encode()
    raise Fault("Runtime.MarshalError", f"a stream's parts are bytes, text or a head, not {type(part).__name__}")


def _marshal(result: Any) -> str:
    try:
        text = json.dumps(result, default=_number, allow_nan=False)
    except Exception as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from error
    if len(text) > RESPONSE_LIMIT_BYTES:
        message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT_BYTES} bytes)."
        raise Fault("Function.ResponseSizeTooLarge", message)
    return text


def _number(value: object) -> int | float:
    """Return a Decimal as a JSON number, as Lambda's runtime does; all else can't be written."""
    if not isinstance(value, decimal.Decimal):
        raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
    return int(value) if value == value.to_integral_value() else float(value)


def _peak_memory_mb() -> int:
    """Return the most memory that this process has used.

    Linux tells it in /proc: its `ru_maxrss` counts what the parent had when it forked. Elsewhere that must do; its unit
    is the system's own.
    """
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:  # noqa: PTH123 (an import less)
            return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return int(used) // (1024 * 1024 if sys.platform == "darwin" else 1024)


def _configure_logging() -> _RequestIdFilter:
    """Give the root logger a handler as Lambda's runtime does: records go to standard output, with the request's id."""
    logging.Formatter.converter = time.gmtime
    output = logging.StreamHandler(sys.stdout)
    layout = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
    output.setFormatter(logging.Formatter(layout, "%Y-%m-%dT%H:%M:%S"))
    request_ids = _RequestIdFilter()
    output.addFilter(request_ids)
    logging.getLogger().addHandler(output)
    return request_ids


def main(descriptor: int, path: str, name: str) -> None:
    """Serve the parent until it closes the connection."""
    connection = Connection(socket.socket(fileno=descriptor))
    os.set_inheritable(descriptor, False)
    request_ids = _configure_logging()
    try:
        handler = load_handler(path, name)
    except Exception as error:  # noqa: BLE001 (a module can raise anything while it is imported)
        connection.send({"error": error_document(error)})
        connection.receive()
        return
    connection.send({"ready": True})
    while True:
        invocation = connection.receive()
        request_ids.request_id = invocation["request_id"]
        connection.send(invoke(handler, invocation, connection.send_part))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
