"""nginx as a child: one worker, everything it writes in a folder of its own, connections kept for ever."""

from __future__ import annotations

import os
from collections.abc import Mapping
from string import Template

from ..child import Child
from ..scenario import Protocol
from .peer import Site

_LOWEST_PRIORITY = ("nice", "-n", "19")
# `listen ... http2` is spelt otherwise since nginx 1.25.1, which still takes this form.
_CONFIGURATION = Template("""\
daemon off;
$user
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 4096; }
http {
    access_log $access_log;
    keepalive_requests 1000000000;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    $http
    server {
        listen 127.0.0.1:$h1 $options;
        listen 127.0.0.1:$h2c http2;
        location / { $location }
    }
}
""")


def start_nginx(
    site: Site,
    name: str,
    cores: frozenset[int],
    *,
    ports: Mapping[Protocol, int],
    location: str,
    http: str = "",
    options: str = "",
    idle: bool = False,
    access_log: str = "off",
) -> Child:
    """Start an nginx whose every path is served as `location` says; `http` holds further directives, `options` those of its HTTP/1.1
    socket. An `idle` one gets what time others leave."""
    folder = site.folder / name
    folder.mkdir()
    # Started by root, the worker would become a user that can't reach the folder.
    user = "user root;" if os.geteuid() == 0 else ""
    text = _CONFIGURATION.substitute(
        h1=ports["h1"],
        h2c=ports["h2c"],
        user=user,
        access_log=access_log,
        http=http,
        location=location,
        options=options,
    )
    (folder / "nginx.conf").write_text(text)
    arguments = [site.tools.nginx, "-p", str(folder), "-e", "stderr", "-c", "nginx.conf"]
    return site.children.start(name, [*(_LOWEST_PRIORITY if idle else ()), *arguments], cores)
