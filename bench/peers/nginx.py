"""nginx `proxy_pass`: what a forward costs at least."""

from __future__ import annotations

from .nginx_server import start_nginx
from .peer import KEPT, Peer, Setup, Site, ports_of

ACCESS_LOG = "access.log combined buffer=16k flush=50ms"
"""How nginx writes its access log wherever it is compared."""
# nginx finds no address in a certificate, but names.
_LOCATION = """
            proxy_pass {scheme}://function;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_ssl_verify on;
            proxy_ssl_name localhost;
            {trusted}
        """


def start(site: Site, setup: Setup) -> Peer:
    """Start the proxy."""
    ports = ports_of(setup)
    pool = f"upstream function {{ server {setup.address}; keepalive {KEPT}; keepalive_requests 1000000000; }}"
    trusted = f"proxy_ssl_trusted_certificate {setup.certificates.authority};" if setup.certificates else ""
    name = setup.named("nginx")
    child = start_nginx(
        site,
        name,
        setup.cores or site.cores.server,
        ports=ports,
        locations={"/": _LOCATION.format(scheme=setup.scheme, trusted=trusted)},
        http=pool,
        workers=setup.workers,
        certificates=setup.certificates,
        access_log=ACCESS_LOG,
    )
    return Peer(
        name=name,
        summary=f"nginx proxy_pass, {setup.workers_text}, kept upstream connections, access log to a file every 50 ms",
        child=child,
        ports=ports,
        paths={"forward": "/"},
        access_log=site.folder / name / "access.log",
    )
