"""Hello on uvicorn, with httptools and uvloop, and without its access log.

python -m bench.hello.on_uvicorn PORT KEPT_SECONDS
"""

from __future__ import annotations

import sys

import uvicorn

from .asgi import hello


def main(port: str, kept_seconds: str) -> None:
    """Serve until SIGTERM."""
    uvicorn.run(
        hello,
        host="127.0.0.1",
        port=int(port),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=int(kept_seconds),
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
