"""Hello on stock Hypercorn, whose limit of 1,000 requests a connection is lifted: it would lose requests.

python -m bench.hello.on_hypercorn PORT KEPT_SECONDS
"""

from __future__ import annotations

import sys

import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config

from .asgi import hello


async def main(port: str, kept_seconds: str) -> None:
    """Serve until SIGTERM."""
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.keep_alive_timeout = float(kept_seconds)
    config.keep_alive_max_requests = sys.maxsize
    config.backlog = 1024
    config.graceful_timeout = 1
    await serve(hello, config)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
