"""What `make run` starts: the sample function, the sample upstream, and a gateway in front of both.

Keys are made up at the first run and kept in var/sample.env, which only its owner can read.
"""

import asyncio
import os
import secrets
import signal
import sys
from pathlib import Path

SAMPLE = Path(__file__).resolve().parent
ROOT = SAMPLE.parent.parent
ENV_FILE = ROOT / "var" / "sample.env"
PHASEGATE = str(Path(sys.executable).with_name("phasegate"))
COMMANDS = {
    "function": [PHASEGATE, "lambda", "serve", str(SAMPLE / "hello.py") + ":handler"],
    "upstream": [sys.executable, str(SAMPLE / "site.py"), "9003"],
    "gateway": [PHASEGATE, "run", "--conf", str(SAMPLE.parent)],
}
PORTS = (9080, 9180, 9001, 9002, 9003, 9004)
READY_SECONDS = 30


def keys() -> dict[str, str]:
    """Return the sample's keys, made up unless an earlier run left some."""
    if ENV_FILE.exists():
        lines = ENV_FILE.read_text().splitlines()
        return dict(line.removeprefix("export ").split("=", 1) for line in lines if line)
    made = {
        "PHASEGATE_LAMBDA_API_KEY": secrets.token_urlsafe(24),
        "PHASEGATE_LAMBDA_ACCESS_KEY": "LOCAL" + secrets.token_hex(8).upper(),
        "PHASEGATE_LAMBDA_SECRET_KEY": secrets.token_urlsafe(30),
        "PHASEGATE_SAMPLE_CONSUMER_KEY": secrets.token_urlsafe(12),
    }
    ENV_FILE.parent.mkdir(exist_ok=True)
    with open(os.open(ENV_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"export {name}={value}\n" for name, value in made.items())
    return made


async def main() -> int:
    """Run the three until one of them ends or a signal ends them all; return the exit code of the first to end."""
    taken = [str(port) for port in PORTS if await listens(port)]
    if taken:
        print(
            f"taken already on 127.0.0.1: {', '.join(taken)}. End what listens there, maybe another make run.",
            file=sys.stderr,
        )
        return 1
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    environment = {**os.environ, **keys()}
    # Groups of their own, so that a signal reaches this program alone, which stops the gateway first.
    processes = {
        name: await asyncio.create_subprocess_exec(*command, env=environment, process_group=0)
        for name, command in COMMANDS.items()
    }
    ended = [asyncio.create_task(process.wait()) for process in processes.values()]
    told_to_stop = asyncio.create_task(stopped.wait())
    ready = asyncio.create_task(until_ready())
    try:
        done, _ = await asyncio.wait([ready, told_to_stop, *ended], return_when=asyncio.FIRST_COMPLETED)
        if ready in done and ready.result():
            print(what_to_try(), flush=True)
        await asyncio.wait([told_to_stop, *ended], return_when=asyncio.FIRST_COMPLETED)
        return next((task.result() for task in ended if task.done()), 0)
    finally:
        for process in reversed(processes.values()):
            if process.returncode is None:
                process.terminate()
                await process.wait()


async def until_ready() -> bool:
    """Wait until all three listen."""
    for _ in range(READY_SECONDS * 10):
        if all([await listens(port) for port in PORTS]):
            return True
        await asyncio.sleep(0.1)
    return False


async def listens(port: int) -> bool:
    """Tell whether anybody listens on a port."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def what_to_try() -> str:
    """Return what is printed once everything runs."""
    return f"""
Phasegate runs on http://127.0.0.1:9080 (HTTP/1.1 and HTTP/2). Try, in another terminal:

  curl -i '127.0.0.1:9080/aws?name=Phasegate'                              a function, with an API key
  curl -i --http2-prior-knowledge '127.0.0.1:9080/aws?name=Phasegate'      the same over HTTP/2
  curl -i '127.0.0.1:9080/signed/?name=Phasegate'                          the function URL, signed (SigV4)
  . {ENV_FILE.relative_to(ROOT)}; curl -i 127.0.0.1:9080/guarded -H "apikey: $PHASEGATE_SAMPLE_CONSUMER_KEY"
                                                                           for known callers only
  curl -i 127.0.0.1:9080/site/page                                         an ordinary upstream

Then edit conf/routes.yaml or conf/sample/hello.py and save, or write a route through the Admin API: the change is live.

  curl -X PUT 127.0.0.1:9180/apisix/admin/routes/1 -H "X-API-KEY: $(cat conf/var/admin-key)" \\
    -d '{{"uri": "/here/*", "upstream": {{"nodes": {{"127.0.0.1:9003": 1}}}}}}'

Ctrl-C stops everything.
"""


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
