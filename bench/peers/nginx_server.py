"""nginx as a child: everything it writes in a folder of its own, connections kept for ever."""

from __future__ import annotations

import os
from collections.abc import Mapping
from string import Template

from ..certificates import Certificates
from ..child import Child
from ..scenario import Protocol
from .peer import Site

_LOWEST_PRIORITY = ("nice", "-n", "19")
_CONFIGURATION = Template("""\
$modules
daemon off;
$user
worker_processes $workers;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 16384; }
http {
    access_log $access_log;
    keepalive_requests 1000000000;
    client_body_buffer_size 128k;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    $http
    server {
        $listen
        $locations
    }
}
""")
# `listen ... http2` is spelt otherwise since nginx 1.25.1, which still takes this form.
_LISTEN: Mapping[Protocol, str] = {"h1": "{}", "h2c": "http2", "h1s": "ssl http2", "h2s": "ssl http2"}


def start_nginx(
    site: Site,
    name: str,
    cores: frozenset[int],
    *,
    ports: Mapping[Protocol, int],
    locations: Mapping[str, str],
    http: str = "",
    modules: str = "",
    options: str = "",
    idle: bool = False,
    workers: int = 1,
    certificates: Certificates | None = None,
    access_log: str = "off",
) -> Child:
    """Start an nginx that serves each of `locations` as it says.

    `modules` and `http` hold further directives, `options` those of its HTTP/1.1 socket; where it has ports for TLS there
    must be `certificates`. An `idle` one gets what time others leave.
    """
    folder = site.folder / name
    folder.mkdir()
    # Started by root, the worker would become a user that can't reach the folder.
    user = "user root;" if os.geteuid() == 0 else ""
    text = _CONFIGURATION.substitute(
        modules=modules,
        user=user,
        workers=workers,
        access_log=access_log,
        http=http,
        listen=_listen(ports, options, certificates),
        locations="\n".join(f"location {path} {{ {said} }}" for path, said in locations.items()),
    )
    (folder / "nginx.conf").write_text(text)
    arguments = [site.tools.nginx, "-p", str(folder), "-e", "stderr", "-c", "nginx.conf"]
    return site.children.start(name, [*(_LOWEST_PRIORITY if idle else ()), *arguments], cores)


def _listen(ports: Mapping[Protocol, int], options: str, certificates: Certificates | None) -> str:
    sockets = {port: _LISTEN[protocol].format(options) for protocol, port in ports.items()}
    lines = [f"listen 127.0.0.1:{port} {said};" for port, said in sockets.items()]
    if certificates is not None:
        lines += [f"ssl_certificate {certificates.chain};", f"ssl_certificate_key {certificates.key};"]
    return "\n".join(lines)
