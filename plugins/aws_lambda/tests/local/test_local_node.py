"""Node handlers in the pool, with real child processes."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from phasegate_aws_lambda.local.function import Function
from phasegate_aws_lambda.local.outcome import Failed, Outcome, Returned
from phasegate_aws_lambda.local.pool import Invocation, Part, Pool

NODE = shutil.which("node")
pytestmark = [pytest.mark.long, pytest.mark.skipif(NODE is None, reason="Node.js is not installed")]

INTEGRATION = "application/vnd.awslambda.http-integration-response"

Run = Callable[..., Any]


def call(event: Any = None, **named: Any) -> Invocation:
    return Invocation("the-request-id", "Root=1-0-0", {} if event is None else event, **named)


def payload(outcome: Outcome) -> Any:
    assert isinstance(outcome, Returned), outcome
    return outcome.payload


def failed(outcome: Outcome) -> Failed:
    assert isinstance(outcome, Failed), outcome
    return outcome


@pytest.fixture
def node(written: Callable[..., Function], pool_of: Callable[..., Pool]) -> Callable[..., Pool]:
    """Return a function that makes a pool for a handler's source, an ES module unless the file says otherwise."""

    def make(source: str, file: str = "app.mjs", timeout_seconds: float = 10.0) -> Pool:
        return pool_of(written(source, timeout_seconds, file))

    return make


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("app.mjs", "export const handler = async (event) => ({ got: event.a })"),
        ("app.js", "exports.handler = async (event) => ({ got: event.a })"),
        ("app.cjs", "exports.handler = (event, context, callback) => callback(null, { got: event.a })"),
        ("app.mjs", "export function handler(event, context) { context.succeed({ got: event.a }) }"),
    ],
)
async def test_modules_of_either_kind_answer_in_either_style(node: Run, file: str, source: str) -> None:
    assert payload(await node(source, file).invoke(call({"a": "ä"}))) == {"got": "ä"}


async def test_js_file_is_a_module_where_its_package_says_so(node: Run, tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"type": "module"}')
    source = "const x = await Promise.resolve(7);\nexport const handler = async () => x"
    assert payload(await node(source, "app.js").invoke(call())) == 7


async def test_module_state_survives_between_calls_in_one_process(node: Run) -> None:
    pool = node("let calls = 0;\nexport const handler = async () => [++calls, process.pid]")
    (first, pid), (second, same) = [payload(await pool.invoke(call())) for _ in range(2)]
    assert (first, second, pid == same != os.getpid()) == (1, 2, True)


async def test_context_is_lambdas(node: Run) -> None:
    source = "export const handler = async (e, context) => ({ ...context, left: context.getRemainingTimeInMillis() })"
    context = payload(await node(source).invoke(call(client_context={"custom": {"a": 1}})))
    assert 0 < context.pop("left") <= 10_000
    assert context.pop("logStreamName").partition("/[")[2].startswith("$LATEST]")
    assert context == {
        "callbackWaitsForEmptyEventLoop": True,
        "functionName": "app",
        "functionVersion": "$LATEST",
        "invokedFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:app",
        "awsRequestId": "the-request-id",
        "memoryLimitInMB": "128",
        "logGroupName": "/aws/lambda/app",
        "clientContext": {"custom": {"a": 1}},
    }


async def test_environment_is_lambdas_without_our_keys(node: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHASEGATE_LAMBDA_SECRET_KEY", "hidden")
    environ = payload(await node("export const handler = async () => process.env").invoke(call()))
    assert "hidden" not in environ.values()
    assert (environ["_HANDLER"], environ["_X_AMZN_TRACE_ID"]) == ("app.handler", "Root=1-0-0")
    assert re.fullmatch(r"AWS_Lambda_nodejs\d+\.x", environ["AWS_EXECUTION_ENV"])


async def test_callback_waits_until_nothing_is_left_to_do(node: Run) -> None:
    source = """
        const done = [];
        export const handler = (event, context, callback) => {
            context.callbackWaitsForEmptyEventLoop = event.waits;
            setTimeout(() => done.push(1), 50);
            callback(null, done);
        };
    """
    pool = node(source)
    assert payload(await pool.invoke(call({"waits": True}))) == [1]
    assert payload(await pool.invoke(call({"waits": False}))) == [1]


async def test_handler_that_never_calls_back_returns_null(node: Run) -> None:
    pool = node("export const handler = (event, context, callback) => { setTimeout(() => {}, 10) }")
    assert [payload(await pool.invoke(call())) for _ in range(2)] == [None, None]


async def test_promise_that_nothing_can_settle_any_more_is_an_error(node: Run) -> None:
    error = failed(await node("export const handler = () => new Promise(() => {})").invoke(call()))
    assert error.error_type == "Runtime.NodeJsExit"


@pytest.mark.parametrize(
    ("statement", "error_type", "message"),
    [
        ("throw new TypeError('bad input')", "TypeError", "bad input"),
        ("return 5n", "Error", "Unable to stringify response body"),
        ("return 'x'.repeat(6291556)", "Function.ResponseSizeTooLarge", "Response payload size exceeded maximum"),
        ("throw 'text alone'", "string", "text alone"),
    ],
)
async def test_error_has_the_shape_of_lambdas_and_does_not_cost_the_child(
    node: Run, statement: str, error_type: str, message: str
) -> None:
    pool = node(f"export const handler = async (event) => {{ if (event.fail) {{ {statement} }} return process.pid }}")
    pid = payload(await pool.invoke(call()))
    error = failed(await pool.invoke(call({"fail": True})))
    assert (error.error_type, error.message[: len(message)]) == (error_type, message)
    assert payload(await pool.invoke(call())) == pid


async def test_error_of_a_callback_has_its_trace(node: Run, logged: io.StringIO) -> None:
    source = "exports.handler = (event, context, callback) => callback(new RangeError('too far'))"
    document = json.loads(failed(await node(source, "app.js").invoke(call())).document())
    assert (document["errorType"], document["errorMessage"]) == ("RangeError", "too far")
    assert document["trace"][0] == "RangeError: too far"
    assert "app.js:1:" in document["trace"][1]
    assert logged.getvalue().count("too far") == 2  # the message, and the first line of the stack
    assert '\tthe-request-id\tERROR\tInvoke Error \t{"errorType":"RangeError"' in logged.getvalue()


@pytest.mark.parametrize(
    ("statement", "error_type"),
    [
        ("setTimeout(() => { throw new Error('stray') })", "Error"),
        ("Promise.reject(new Error('stray'))", "Runtime.UnhandledPromiseRejection"),
    ],
)
async def test_error_that_nobody_catches_costs_the_child(node: Run, statement: str, error_type: str) -> None:
    source = "export const handler = async (event) => { if (event.fail) { %s; await new Promise((r) => setTimeout(r, 5000)) } return process.pid }"
    pool = node(source % statement)
    pid = payload(await pool.invoke(call()))
    error = failed(await pool.invoke(call({"fail": True})))
    assert (error.error_type, "stray" in error.message) == (error_type, True)
    assert payload(await pool.invoke(call())) != pid


@pytest.mark.parametrize(
    ("source", "file", "text"),
    [
        ("require('not-there')", "app.js", "Runtime.ImportModuleError: Error: Cannot find module 'not-there'"),
        ("exports.handler = (", "app.js", "Runtime.UserCodeSyntaxError: SyntaxError: "),
        ("export const handler = (", "app.mjs", "Runtime.UserCodeSyntaxError: SyntaxError: "),
        ("export const other = 1", "app.mjs", "Runtime.HandlerNotFound: app.handler is undefined or not exported"),
        ("export const handler = 1", "app.mjs", "Runtime.HandlerNotFound: app.handler is not a function"),
        ("throw new RangeError('early')", "app.mjs", "RangeError: early"),
        ("process.exit(4)", "app.mjs", "Runtime.ExitError: Runtime exited with error: exit status 4"),
    ],
)
async def test_code_that_can_not_be_loaded_fails(node: Run, source: str, file: str, text: str) -> None:
    error = failed(await node(source, file).invoke(call()))
    assert f"{error.error_type}: {error.message}".startswith(text)


async def test_console_writes_lines_of_the_log_as_lambda_does(node: Run, logged: io.StringIO) -> None:
    source = """
        export const handler = async () => {
            console.log('%s is', 'this', { a: 1 });
            console.error(new Map([[1, 2]]));
            process.stdout.write('raw');
        };
    """
    await node(source).invoke(call())
    start, first, second, raw, *_ = logged.getvalue().splitlines()
    assert (start.split()[0], raw) == ("START", "raw")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z\tthe-request-id\tINFO\tthis is \{ a: 1 \}", first)
    assert second.endswith("\tthe-request-id\tERROR\tMap(1) { 1 => 2 }")


async def test_console_loses_nothing_where_the_process_ends(node: Run, logged: io.StringIO) -> None:
    source = """
        export const handler = async () => {
            process.stdout.write('opened as a stream\\n');
            console.log('x'.repeat(1_000_000));
            console.log('after');
            process.exit(1);
        };
    """
    failed(await node(source).invoke(call()))
    _, _, long, after, *_ = logged.getvalue().splitlines()
    assert (len(long) > 1_000_000, after.endswith("after")) == (True, True)


@pytest.mark.parametrize("waiting", ["for (;;);", "await new Promise((r) => setTimeout(r, 60_000))"])
async def test_timeout_ends_the_child_and_what_it_has_started(node: Run, tmp_path: Path, waiting: str) -> None:
    source = f"""
        import {{ spawn }} from 'node:child_process';
        import {{ writeFileSync }} from 'node:fs';
        export const handler = async () => {{
            const helper = spawn(process.execPath, ['-e', 'setTimeout(() => {{}}, 60000)']);
            writeFileSync({str(tmp_path / "pids")!r}, `${{process.pid}} ${{helper.pid}}`);
            {waiting}
        }};
    """
    error = failed(await node(source, timeout_seconds=2.5).invoke(call()))
    assert error.error_type == "Sandbox.Timedout"
    assert error.message == "RequestId: the-request-id Error: Task timed out after 2.50 seconds"
    async with asyncio.timeout(5):
        while any(runs(pid) for pid in (tmp_path / "pids").read_text().split()):
            await asyncio.sleep(0.02)


def runs(pid: str) -> bool:
    """Tell whether a process runs; one that is dead and not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("process.exit(3)", "Runtime exited with error: exit status 3"),
        ("process.exit(0)", "Runtime exited without providing a reason"),
        ("process.kill(process.pid, 'SIGKILL')", "Runtime exited with error: signal: killed"),
    ],
)
async def test_child_that_ends_is_an_exit_error_and_is_replaced(node: Run, statement: str, reason: str) -> None:
    source = f"export const handler = async (event) => {{ if (event.end) {{ {statement}; for (;;); }} return 'well' }}"
    pool = node(source)
    error = failed(await pool.invoke(call({"end": True})))
    assert (error.error_type, error.message) == ("Runtime.ExitError", f"RequestId: the-request-id Error: {reason}")
    assert payload(await pool.invoke(call())) == "well"


def number_in(path: Path) -> int:
    return int(path.read_text() or 0) if path.exists() else 0


async def streamed(pool: Pool) -> tuple[Outcome, list[Part]]:
    """Return how a call ended, and what it streamed."""
    parts: list[Part] = []

    async def take(part: Part) -> None:
        parts.append(part)

    return await pool.invoke(call(sink=take)), parts


async def test_what_a_streaming_handler_writes_are_parts(node: Run) -> None:
    source = """
        export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
            stream.setContentType('text/plain');
            stream.write('one');
            stream.write(new Uint8Array([116, 119, 111]));
            stream.end({ id: context.awsRequestId });
        });
    """
    source = source.replace("stream.end({ id: context.awsRequestId })", "stream.write({ id: 3 }); stream.end()")
    outcome, parts = await streamed(node(source))
    assert (payload(outcome), {part.content_type for part in parts}) == (None, {"text/plain"})
    assert b"".join(part.data for part in parts) == b'onetwo{"id":3}'


async def test_head_goes_before_the_first_write(node: Run) -> None:
    source = """
        import { pipeline } from 'node:stream/promises';
        import { Readable } from 'node:stream';
        export const handler = awslambda.streamifyResponse(async (event, stream) => {
            const body = awslambda.HttpResponseStream.from(stream, { statusCode: 201 });
            await pipeline(Readable.from(['a', 'b']), body);
        });
    """
    outcome, parts = await streamed(node(source))
    assert isinstance(outcome, Returned)
    assert {part.content_type for part in parts} == {INTEGRATION}
    assert b"".join(part.data for part in parts) == b'{"statusCode":201}' + bytes(8) + b"ab"


@pytest.mark.parametrize(
    ("statement", "error_type", "message"),
    [
        ("throw new TypeError('late')", "TypeError", "late"),
        ("", "string", "Response stream is not finished."),
        ("stream.setContentType('a/b')", "Runtime.InvalidStreamingOperation", "Cannot set content-type, too late."),
    ],
)
async def test_stream_that_is_not_ended_well_is_an_error(
    node: Run, statement: str, error_type: str, message: str
) -> None:
    source = (
        f"export const handler = awslambda.streamifyResponse(async (e, stream) => {{ stream.write('x'); {statement} }})"
    )
    outcome, parts = await streamed(node(source))
    error = failed(outcome)
    assert (error.error_type, error.message) == (error_type, message)
    assert [part.data for part in parts] == [b"x"]


async def test_stream_that_nobody_takes_stops_the_handler(node: Run, tmp_path: Path) -> None:
    source = f"""
        import {{ writeFileSync }} from 'node:fs';
        import {{ once }} from 'node:events';
        export const handler = awslambda.streamifyResponse(async (event, stream) => {{
            for (let count = 1; count <= 400; count++) {{
                if (!stream.write(Buffer.alloc(100_000))) await once(stream, 'drain');
                writeFileSync({str(tmp_path / "count")!r}, String(count));
            }}
            stream.end();
        }});
    """
    taken, first = asyncio.Event(), asyncio.Event()
    received = 0

    async def take(part: Part) -> None:
        nonlocal received
        received += len(part.data)
        first.set()
        await taken.wait()

    running = asyncio.ensure_future(node(source).invoke(call(sink=take)))
    await first.wait()
    before = -1
    while before != (now := number_in(tmp_path / "count")):
        before = now
        await asyncio.sleep(0.2)
    assert before < 100
    taken.set()
    assert isinstance(await running, Returned)
    assert received == 40_000_000


async def test_streaming_handler_that_is_called_without_a_stream_is_buffered(node: Run) -> None:
    source = "export const handler = awslambda.streamifyResponse(async (e, stream) => { stream.write('{\"a\":'); stream.end('1}') })"
    assert payload(await node(source).invoke(call())) == {"a": 1}


async def test_saved_module_is_what_the_next_call_runs(
    all_serving: Callable[..., Any], written: Callable[..., Function], send: Callable[..., Any]
) -> None:
    _, url, _ = await all_serving("export const handler = async () => 'old'", file="app.mjs")
    assert (await send(url, "/")).text == "old"
    written("export const handler = async () => 'new'", file="app.mjs")
    async with asyncio.timeout(10):
        while (await send(url, "/")).text != "new":
            await asyncio.sleep(0.02)
