"""The command as a user runs it: a process of its own."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from phasegate_aws_lambda.local.command import lambda_group
from phasegate_aws_lambda.local.function import Function

pytestmark = pytest.mark.long

PID = "import os\ndef handler(event, context):\n    return {'statusCode': 200, 'body': str(os.getpid())}\n"
PROGRAM = "from phasegate_aws_lambda.local.command import lambda_group; lambda_group()"
SECRETS = {
    "PHASEGATE_LAMBDA_API_KEY": "the-api-key",
    "PHASEGATE_LAMBDA_ACCESS_KEY": "AKIDEXAMPLE",
    "PHASEGATE_LAMBDA_SECRET_KEY": "the-secret-key",
    "PHASEGATE_LAMBDA_SESSION_TOKEN": "the-session-token",
}

Started = Callable[..., tuple[subprocess.Popen[str], list[str]]]
Written = Callable[..., Function]


@pytest.fixture
def started(written: Written) -> Iterator[Started]:
    """Return a function that runs the command on a handler, and returns it with the lines that it announced."""
    processes: list[subprocess.Popen[str]] = []

    def start(
        source: str, environ: dict[str, str] | None = None, *options: str, file: str = "app.py"
    ) -> tuple[subprocess.Popen[str], list[str]]:
        handler = f"{written(source, file=file).path}:handler"
        addresses = ["--rest", "127.0.0.1:0", "--url", "[::1]:0", "--invoke", "127.0.0.1:0"]
        arguments = ["serve", handler, *addresses, *options]
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            env=os.environ | (environ or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout
        return process, [process.stdout.readline() for _ in range(3)]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def address(line: str) -> str:
    match = re.search(r"http://[^/]+", line)
    assert match, line
    return match[0]


def wait_until_gone(pid: int) -> None:
    descriptor = os.pidfd_open(pid)
    readable, _, _ = select.select([descriptor], [], [], 5)
    os.close(descriptor)
    assert readable, f"process {pid} lives on"


def run(*arguments: str, environ: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Run the command in this process and return exit code, standard output and standard error."""
    result = CliRunner().invoke(lambda_group, ["serve", *arguments], env=environ)
    return result.exit_code, result.stdout, result.stderr


def test_command_announces_both_faces_and_serves_them(started: Started) -> None:
    _, lines = started(PID)
    assert re.fullmatch(r"REST API      http://127\.0\.0\.1:[1-9]\d*/\{stage\}/\.\.\.  \(no API key\)\n", lines[0])
    assert re.fullmatch(r"Function URL  http://\[::1\]:[1-9]\d*/\.\.\.  \(auth type NONE\)\n", lines[1])
    assert httpx.get(f"{address(lines[0])}/prod/x").text == httpx.get(address(lines[1])).text


def test_announcement_says_what_each_face_asks_for(started: Started) -> None:
    _, lines = started(PID, SECRETS)
    assert lines[0].endswith("(x-api-key required)\n")
    assert lines[1].endswith("(auth type AWS_IAM: SigV4, region us-east-1, service lambda)\n")


def test_stream_is_an_option_and_both_front_ends_stream_then(started: Started) -> None:
    source = "def handler(event, context):\n    yield {'statusCode': 201}\n    yield 'one'\n"
    _, lines = started(source, None, "--stream")
    assert httpx.get(f"{address(lines[0])}/prod/x").status_code == httpx.get(address(lines[1])).status_code == 201
    _, lines = started(source)
    assert httpx.get(address(lines[1])).status_code == 502


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_command_well_and_its_children(started: Started, number: int) -> None:
    process, lines = started(PID)
    child = int(httpx.get(address(lines[1])).text)
    process.send_signal(number)
    assert process.wait(5) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


BUSY_PYTHON = """
    import os

    def handler(event, context):
        if path := event["queryStringParameters"]:
            with open(path["busy"], "w") as busy:
                busy.write(str(os.getpid()))
            while True:
                pass
        return {"statusCode": 200, "body": str(os.getpid())}
"""
BUSY_NODE = """
    import { writeFileSync } from 'node:fs';

    export const handler = async (event) => {
        if (event.queryStringParameters) {
            writeFileSync(event.queryStringParameters.busy, String(process.pid));
            for (;;);
        }
        return { statusCode: 200, body: String(process.pid) };
    };
"""


@pytest.mark.parametrize(("source", "file"), [(BUSY_PYTHON, "app.py"), (BUSY_NODE, "app.mjs")], ids=["python", "node"])
def test_kill_of_the_command_ends_its_children_idle_or_busy(
    started: Started, tmp_path: Path, source: str, file: str
) -> None:
    if file == "app.mjs" and shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    process, lines = started(source, None, "--timeout", "60", file=file)
    url = httpx.URL(address(lines[0]))
    os.mkfifo(tmp_path / "busy")
    with socket.create_connection((url.host, url.port or 0)) as connection:
        connection.sendall(f"GET /prod/?busy={tmp_path}/busy HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        busy = int((tmp_path / "busy").read_text())
        idle = int(httpx.get(f"{url}/prod/").text)
        assert busy != idle
        process.kill()
        for pid in (busy, idle):
            wait_until_gone(pid)


def test_nothing_secret_is_printed(started: Started) -> None:
    source = "def handler(event, context):\n    import os\n    print(os.environ)\n    raise ValueError('no')\n"
    process, lines = started(source, SECRETS)
    keyed = httpx.get(f"{address(lines[0])}/prod/", headers={"x-api-key": "the-api-key"})
    assert keyed.status_code == 502
    assert httpx.get(f"{address(lines[0])}/prod/", headers={"x-api-key": "wrong"}).status_code == 403
    assert httpx.get(address(lines[1]), headers={"x-amz-security-token": "the-session-token"}).status_code == 403
    process.terminate()
    out, err = process.communicate(timeout=5)
    assert "[ERROR] ValueError: no" in err
    assert not any(secret in out + err for secret in ("the-api-key", "the-secret-key", "the-session-token"))


def test_missing_file_is_one_error(tmp_path: Path) -> None:
    code, out, err = run(f"{tmp_path}/none.py:handler")
    assert (code, out, err) == (1, "", f"Error: {tmp_path}/none.py does not exist or is no file\n")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("x = 1", "Runtime.HandlerNotFound: Handler 'handler' missing on module 'app'"),
        ("import not_there", "Runtime.ImportModuleError: Unable to import module 'app': No module named 'not_there'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_handler_that_can_not_be_imported_is_an_error_at_start(written: Written, source: str, text: str) -> None:
    path = written(source).path
    code, out, err = run(f"{path}:handler", "--rest", "127.0.0.1:0", "--url", "127.0.0.1:0")
    assert (code, out) == (1, "")
    assert err.startswith(f"Error: {path} can't be served: {text}\n")


def test_port_in_use_is_one_error(written: Written) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        code, out, err = run(f"{written(PID).path}:handler", "--rest", where, "--url", "127.0.0.1:0")
    assert (code, out) == (1, "")
    assert err.startswith(f"Error: can't listen on {where}: ")
    assert "address already in use" in err
    assert len(err.splitlines()) == 1


def test_half_a_key_pair_is_one_error(written: Written) -> None:
    code, _, err = run(f"{written(PID).path}:handler", environ={"PHASEGATE_LAMBDA_ACCESS_KEY": "AKIDEXAMPLE"})
    assert code == 1
    assert err.startswith("Error: PHASEGATE_LAMBDA_SECRET_KEY is not set: ")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["app.py"], "'app.py' is not a file and a function such as app.py:handler or app.mjs:handler"),
        (["app.rb:handler"], "'app.rb:handler' is not a file and a function"),
        (["app.py:handler", "--rest", "9001"], "'9001' is not an address such as 127.0.0.1:9001 or [::1]:0"),
        (["app.py:handler", "--url", "127.0.0.1:65536"], "is not an address"),
        (["app.py:handler", "--timeout", "0"], "0.0 is not in the range"),
    ],
)
def test_argument_that_makes_no_sense_is_named(arguments: list[str], text: str) -> None:
    code, _, err = run(*arguments)
    assert code == 2
    assert text in err


def test_help_tells_of_the_keys() -> None:
    code, out, _ = run("--help")
    assert code == 0
    assert all(name in out for name in SECRETS)
