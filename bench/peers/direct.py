"""The upstream itself, without anything in front: nginx that answers every path with the same small body.

A request to `/api-key` or `/sigv4` without the right key or identity is refused, so that no measured request can lack
it. One with the header ECHO is answered with what reached the upstream, a line for each of SHOWN.
"""

from __future__ import annotations

from ..certificates import Certificates
from ..credentials import ACCESS_KEY, API_KEY
from ..scenario import Protocol
from .nginx_server import start_nginx
from .peer import ANSWER, Peer, Site, free_port

ECHO = "x-bench-echo"
SHOWN = (
    "request_method",
    "request_uri",
    *(
        f"http_{name}"
        for name in (
            "host",
            "content_length",
            "content_type",
            "user_agent",
            "accept",
            "accept_encoding",
            "x_bench_echo",
            "x_api_key",
            "x_amz_date",
            "x_amz_content_sha256",
            "authorization",
        )
    ),
)
"""nginx's variables of what reached the upstream."""
_PLAIN = r"default_type application/json; if ($http_{echo}) {{ return 200 '{shown}'; }} return 200 '{answer}';"
_KEPT_OUT = {
    "/": "",
    "= /api-key": f'if ($http_x_api_key != "{API_KEY}") {{ return 403; }} ',
    "= /sigv4": f'if ($http_authorization !~ "^AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/") {{ return 403; }} ',
}


def start(site: Site, certificates: Certificates | None = None) -> Peer:
    """Start the upstream, with a port for TLS too where there are certificates."""
    ports: dict[Protocol, int] = {"h1": free_port(), "h2c": free_port()}
    if certificates is not None:
        ports["h1s"] = free_port()
    said = _PLAIN.format(
        echo=ECHO.replace("-", "_"),
        shown=r"\n".join(f"${{{name}}}" for name in SHOWN),
        answer=ANSWER.replace("\n", r"\n"),
    )
    child = start_nginx(
        site,
        "direct",
        site.cores.upstream,
        ports=ports,
        locations={path: kept_out + said for path, kept_out in _KEPT_OUT.items()},
        certificates=certificates,
    )
    return Peer(
        name="direct",
        summary="the upstream alone, the floor: nginx, one worker, no access log",
        child=child,
        ports=ports,
        paths={"forward": "/"},
        compared=False,
    )
