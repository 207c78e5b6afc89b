"""The pool, with real child processes."""

from __future__ import annotations

import asyncio
import io
import os
import select
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from phasegate_aws_lambda.local.function import Function
from phasegate_aws_lambda.local.outcome import Failed, Outcome, Returned, Throttled, TooLarge
from phasegate_aws_lambda.local.pool import Invocation, Pool

pytestmark = pytest.mark.long

PID = """
    import os

    def handler(event, context):
        return os.getpid()
"""

# Each call says that it runs, by a byte into the pipe it is given, and waits for one.
GATED = """
    import os

    def handler(event, context):
        with open(event["ran"], "wb", buffering=0) as ran:
            ran.write(b"x")
        with open(event["go"], "rb", buffering=0) as go:
            go.read(1)
        return os.getpid()
"""

Written = Callable[..., Function]
PoolOf = Callable[..., Pool]


def call(event: Any = None) -> Invocation:
    return Invocation("the-request-id", "Root=1-0-0", {} if event is None else event)


def payload(outcome: Outcome) -> Any:
    assert isinstance(outcome, Returned), outcome
    return outcome.payload


def failed(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed), outcome
    return outcome


def wait_until_gone(pid: int) -> None:
    """Wait until a process has ended; it need not be a child of ours."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    readable, _, _ = select.select([descriptor], [], [], 5)
    os.close(descriptor)
    assert readable, f"process {pid} lives on"


async def test_warm_child_is_reused(written: Written, pool_of: PoolOf) -> None:
    pool = pool_of(written(PID))
    first = payload(await pool.invoke(call()))
    assert payload(await pool.invoke(call())) == first != os.getpid()


async def test_module_state_survives_between_calls(written: Written, pool_of: PoolOf) -> None:
    pool = pool_of(written("calls = []\ndef handler(event, context):\n    calls.append(1)\n    return len(calls)\n"))
    assert [payload(await pool.invoke(call())) for _ in range(3)] == [1, 2, 3]


async def test_context_is_lambdas(written: Written, pool_of: PoolOf) -> None:
    source = """
        def handler(event, context):
            names = ["aws_request_id", "function_name", "function_version", "invoked_function_arn"]
            names += ["memory_limit_in_mb", "log_group_name", "log_stream_name", "client_context"]
            left = context.get_remaining_time_in_millis()
            return {name: getattr(context, name) for name in names} | {
                "left": left, "identity": context.identity.cognito_identity_id}
    """
    context = payload(await pool_of(written(source)).invoke(call()))
    assert 0 < context.pop("left") <= 3000
    assert context.pop("log_stream_name").partition("/[")[2].startswith("$LATEST]")
    assert context == {
        "aws_request_id": "the-request-id",
        "function_name": "app",
        "function_version": "$LATEST",
        "invoked_function_arn": "arn:aws:lambda:us-east-1:123456789012:function:app",
        "memory_limit_in_mb": "128",
        "log_group_name": "/aws/lambda/app",
        "client_context": None,
        "identity": None,
    }


async def test_environment_is_lambdas_without_our_keys(
    written: Written, pool_of: PoolOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHASEGATE_LAMBDA_SECRET_KEY", "hidden")
    pool = pool_of(written("import os\ndef handler(event, context):\n    return dict(os.environ)\n"))
    environ = payload(await pool.invoke(call()))
    assert "hidden" not in environ.values()
    assert (environ["AWS_REGION"], environ["_HANDLER"]) == ("us-east-1", "app.handler")
    assert environ["_X_AMZN_TRACE_ID"] == "Root=1-0-0"


async def test_exception_is_reported_as_lambda_does(written: Written, pool_of: PoolOf, logged: io.StringIO) -> None:
    pool = pool_of(written("def handler(event, context):\n    raise ValueError('bad input')\n"))
    error = failed(await pool.invoke(call()))
    assert (error.error_type, error.message) == ("ValueError", "bad input")
    assert len(error.stack_trace) == 1
    assert "app.py\", line 2, in handler\n    raise ValueError('bad input')" in error.stack_trace[0]
    assert "[ERROR] ValueError: bad input\nTraceback (most recent call last):\n  File " in logged.getvalue()


async def test_exception_does_not_cost_the_child(written: Written, pool_of: PoolOf) -> None:
    source = "import os\ndef handler(event, context):\n    if event: raise ValueError\n    return os.getpid()\n"
    pool = pool_of(written(source))
    first = payload(await pool.invoke(call()))
    failed(await pool.invoke(call({"fail": True})))
    assert payload(await pool.invoke(call())) == first


@pytest.mark.parametrize(
    ("result", "text"), [("{1}", "set is not JSON serializable"), ("float('nan')", "Out of range float values")]
)
async def test_result_that_is_no_json_is_a_marshal_error(
    written: Written, pool_of: PoolOf, result: str, text: str
) -> None:
    error = failed(await pool_of(written(f"def handler(event, context):\n    return {result}\n")).invoke(call()))
    assert error.error_type == "Runtime.MarshalError"
    assert error.message.startswith("Unable to marshal response: ")
    assert text in error.message


async def test_decimals_are_numbers(written: Written, pool_of: PoolOf) -> None:
    source = "from decimal import Decimal\ndef handler(event, context):\n    return [Decimal('7'), Decimal('0.5')]\n"
    assert payload(await pool_of(written(source)).invoke(call())) == [7, 0.5]


async def test_result_over_the_limit_is_an_error(written: Written, pool_of: PoolOf) -> None:
    error = failed(await pool_of(written("def handler(event, context):\n    return 'x' * 6291556\n")).invoke(call()))
    assert error.error_type == "Function.ResponseSizeTooLarge"
    assert error.message == "Response payload size exceeded maximum allowed payload size (6291556 bytes)."


async def test_event_over_the_limit_is_not_sent(written: Written, pool_of: PoolOf) -> None:
    assert isinstance(await pool_of(written(PID)).invoke(call({"body": "x" * 6_291_556})), TooLarge)


async def test_prints_are_lines_of_the_log_and_do_not_disturb_the_answer(
    written: Written, pool_of: PoolOf, logged: io.StringIO
) -> None:
    source = """
        import logging, os, sys

        def handler(event, context):
            print("to stdout")
            print("to stderr", file=sys.stderr)
            os.write(1, b"\\x00\\x00\\x00\\x02{}raw\\n")
            logging.warning("logged")
            print("no line's end", end="")
            return "fine"
    """
    assert payload(await pool_of(written(source)).invoke(call())) == "fine"
    start, out, err, raw, record, rest, *_ = logged.getvalue().splitlines()
    assert (start.split()[0], out, err, raw, rest) == (
        *("START", "to stdout", "to stderr", "\0\0\0\2{}raw", "no line's end"),
    )
    assert record.endswith("\tthe-request-id\tlogged")


async def test_what_is_printed_before_a_process_ends_is_in_the_log(
    written: Written, pool_of: PoolOf, logged: io.StringIO
) -> None:
    source = "import os\ndef handler(event, context):\n    os.write(2, b'last words')\n    os._exit(1)\n"
    failed(await pool_of(written(source)).invoke(call()))
    assert logged.getvalue().splitlines()[1] == "last words"


async def test_timeout_ends_the_child_and_the_next_call_gets_another(
    written: Written, pool_of: PoolOf, logged: io.StringIO
) -> None:
    source = """
        import os, threading

        def handler(event, context):
            if event:
                threading.Event().wait()
            return os.getpid()
    """
    pool = pool_of(written(source, 1.0))
    first = payload(await pool.invoke(call()))
    error = failed(await pool.invoke(call({"hang": True})))
    assert error.error_type == "Sandbox.Timedout"
    assert error.message == "RequestId: the-request-id Error: Task timed out after 1.00 seconds"
    wait_until_gone(first)
    assert payload(await pool.invoke(call())) != first
    assert "Task timed out after 1.00 seconds" in logged.getvalue()


async def test_timeout_ends_what_the_handler_has_started(written: Written, pool_of: PoolOf, tmp_path: Path) -> None:
    source = """
        import subprocess, sys, threading

        def handler(event, context):
            helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            with open(event["pid"], "w") as pid:
                pid.write(str(helper.pid))
            threading.Event().wait()
    """
    pool = pool_of(written(source, 1.0))
    assert failed(await pool.invoke(call({"pid": f"{tmp_path}/pid"}))).error_type == "Sandbox.Timedout"
    wait_until_gone(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("sys.exit(3)", "Runtime exited with error: exit status 3"),
        ("sys.exit()", "Runtime exited without providing a reason"),
        ("os._exit(7)", "Runtime exited with error: exit status 7"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
    ],
)
async def test_child_that_ends_is_an_exit_error_and_is_replaced(
    written: Written, pool_of: PoolOf, statement: str, reason: str
) -> None:
    source = f"import os, sys\ndef handler(event, context):\n    if event: {statement}\n    return 'well'\n"
    pool = pool_of(written(source))
    error = failed(await pool.invoke(call({"end": True})))
    assert (error.error_type, error.message) == ("Runtime.ExitError", f"RequestId: the-request-id Error: {reason}")
    assert payload(await pool.invoke(call())) == "well"


async def test_child_that_dies_while_idle_is_replaced(written: Written, pool_of: PoolOf) -> None:
    pool = pool_of(written(PID))
    first = payload(await pool.invoke(call()))
    os.kill(first, 9)
    wait_until_gone(first)
    outcomes = [await pool.invoke(call()) for _ in range(2)]
    assert payload(outcomes[-1]) != first


class Gate:
    """Holds calls of GATED: each tells that it runs, and ends when it is let go."""

    def __init__(self, folder: str) -> None:
        self.event = {"ran": f"{folder}/ran", "go": f"{folder}/go"}
        for path in self.event.values():
            os.mkfifo(path)
        self._ran = os.open(self.event["ran"], os.O_RDWR)
        self._go = os.open(self.event["go"], os.O_RDWR)

    async def running(self, calls: int) -> None:
        seen = 0
        while seen < calls:
            seen += len(await asyncio.to_thread(os.read, self._ran, calls - seen))

    def let_go(self, calls: int) -> None:
        os.write(self._go, b"x" * calls)

    def close(self) -> None:
        os.close(self._ran)
        os.close(self._go)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(str(tmp_path))
    yield gate
    gate.close()


async def test_calls_at_once_run_in_children_of_their_own(written: Written, pool_of: PoolOf, gate: Gate) -> None:
    pool = pool_of(written(GATED), concurrency=2)
    calls = [asyncio.create_task(pool.invoke(call(gate.event))) for _ in range(2)]
    await gate.running(2)
    gate.let_go(2)
    assert len({payload(outcome) for outcome in await asyncio.gather(*calls)}) == 2


async def test_calls_over_the_concurrency_are_throttled(written: Written, pool_of: PoolOf, gate: Gate) -> None:
    pool = pool_of(written(GATED), concurrency=1)
    first = asyncio.create_task(pool.invoke(call(gate.event)))
    await gate.running(1)
    assert isinstance(await pool.invoke(call(gate.event)), Throttled)
    gate.let_go(1)
    assert isinstance(await first, Returned)


async def test_reload_gives_new_calls_new_code_and_lets_old_ones_finish(
    written: Written, pool_of: PoolOf, gate: Gate
) -> None:
    pool = pool_of(written(GATED), concurrency=2)
    old = asyncio.create_task(pool.invoke(call(gate.event)))
    await gate.running(1)
    written("def handler(event, context):\n    return 'new'\n")
    pool.reload()
    assert payload(await pool.invoke(call())) == "new"
    gate.let_go(1)
    wait_until_gone(payload(await old))


async def test_reload_ends_idle_children(written: Written, pool_of: PoolOf) -> None:
    pool = pool_of(written(PID))
    first = payload(await pool.invoke(call()))
    pool.reload()
    assert payload(await pool.invoke(call())) != first
    wait_until_gone(first)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("import not_there", "Runtime.ImportModuleError: Unable to import module 'app': No module named 'not_there'"),
        ("def handler(:", "Runtime.UserCodeSyntaxError: Syntax error in module 'app': invalid syntax"),
        ("other = 1", "Runtime.HandlerNotFound: Handler 'handler' missing on module 'app'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import sys; sys.exit(4)", "Runtime.ExitError: Runtime exited with error: exit status 4"),
    ],
)
async def test_code_that_can_not_be_imported_fails_each_call_until_it_can(
    written: Written, pool_of: PoolOf, logged: io.StringIO, source: str, text: str
) -> None:
    pool = pool_of(written(source))
    for _ in range(2):
        error = failed(await pool.invoke(call()))
        assert f"{error.error_type}: {error.message}".startswith(text)
    assert logged.getvalue().count(f"[ERROR] {text}") == 2
    written(PID)
    assert payload(await pool.invoke(call()))


async def test_folder_that_is_gone_is_an_error(written: Written, pool_of: PoolOf, tmp_path: Path) -> None:
    function = written(PID)
    await asyncio.to_thread(tmp_path.rename, f"{tmp_path}-moved")
    assert failed(await pool_of(function).invoke(call())).error_type == "Runtime.InvalidEntrypoint"


async def test_name_of_a_built_in_module_is_refused(written: Written, pool_of: PoolOf) -> None:
    function = written(PID)
    path = function.path.rename(function.path.with_name("json.py"))
    warm = await pool_of(Function(path=path, handler="handler", name="json")).warm()
    assert warm is not None
    assert warm.error_type == "Runtime.BuiltInModuleConflict"


async def test_neighbours_of_the_handler_can_be_imported(written: Written, pool_of: PoolOf) -> None:
    function = written("import neighbour\ndef handler(event, context):\n    return neighbour.NAME\n")
    function.path.with_name("neighbour.py").write_text("NAME = 'next door'\n")
    assert payload(await pool_of(function).invoke(call())) == "next door"


async def test_report_tells_what_a_call_took(written: Written, pool_of: PoolOf, logged: io.StringIO) -> None:
    pool = pool_of(written(PID))
    await pool.invoke(call())
    await pool.invoke(call())
    lines = logged.getvalue().splitlines()
    assert [line.split(" ")[0] for line in lines] == ["START", "END", "REPORT"] * 2
    cold, warm = lines[2].split("\t"), lines[5].split("\t")
    assert [part.split(":")[0] for part in cold] == [
        *("REPORT RequestId", "Duration", "Billed Duration", "Memory Size", "Max Memory Used", "Init Duration")
    ]
    assert len(warm) == len(cold) - 1


async def test_call_that_is_cancelled_while_its_child_begins_leaves_none(
    written: Written, pool_of: PoolOf, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pid")
    source = f"""
        import os, threading

        with open({str(tmp_path / "pid")!r}, "w") as pid:
            pid.write(str(os.getpid()))
        threading.Event().wait()
    """
    calling = asyncio.create_task(pool_of(written(source)).invoke(call()))
    pid = int(await asyncio.to_thread((tmp_path / "pid").read_text))
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    wait_until_gone(pid)


async def test_close_ends_every_child(written: Written, pool_of: PoolOf, gate: Gate) -> None:
    pool = pool_of(written(GATED), concurrency=2)
    gate.let_go(1)
    idle = payload(await pool.invoke(call(gate.event)))
    await gate.running(1)
    busy = asyncio.create_task(pool.invoke(call(gate.event)))
    await gate.running(1)
    await pool.close()
    wait_until_gone(idle)
    assert failed(await busy).error_type == "Runtime.ExitError"
    assert isinstance(await pool.invoke(call()), Throttled)
