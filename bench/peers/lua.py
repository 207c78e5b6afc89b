"""nginx with Lua that does for each request what APISIX's aws-lambda plugin does, in `bench/peers/lua_scripts`, and no more.

There is no router, no plugin chain and no configuration that changes: APISIX itself costs more.
"""

from __future__ import annotations

from pathlib import Path
from string import Template

from ..credentials import ACCESS_KEY, API_KEY, REGION, SECRET_KEY, SERVICE
from .nginx import ACCESS_LOG
from .nginx_server import start_nginx
from .peer import KEPT, Peer, Setup, Site, ports_of

_SCRIPTS = Path(__file__).parent / "lua_scripts"
_MODES = ("api-key", "sigv4")
_HTTP = Template("""\
    lua_package_path "$scripts/?.lua;;";
    lua_socket_pool_size $kept;
    lua_socket_log_errors on;
    $trusted
    init_by_lua_block {
        require "gateway"
        local function configuration(mode, authorization)
            return {
                function_uri = "$upstream/" .. mode, authorization = authorization, ssl_verify = true,
                ssl_server_name = "localhost", timeout = 30000,
                keepalive_timeout = 60000, keepalive_pool = $kept,
            }
        end
        configurations = {
            ["api-key"] = configuration("api-key", { apikey = "$api_key" }),
            sigv4 = configuration("sigv4", { iam = {
                access_key = "$access_key", secret_key = "$secret_key", region = "$region", service = "$service",
            } }),
        }
    }
""")
_LOCATION = Template("""
            content_by_lua_block {
                require "gateway".answer(configurations["$mode"])
            }
        """)


def start(site: Site, setup: Setup) -> Peer:
    """Start it."""
    ports = ports_of(setup)
    name = setup.named("lua")
    child = start_nginx(
        site,
        name,
        setup.cores or site.cores.server,
        ports=ports,
        locations={f"= /{mode}": _LOCATION.substitute(mode=mode) for mode in _MODES},
        modules="\n".join(
            f"load_module {Path(site.tools.nginx_lua).with_name(module)};"
            for module in ("ndk_http_module.so", "ngx_http_lua_module.so")
        ),
        http=_directives(setup),
        workers=setup.workers,
        certificates=setup.certificates,
        access_log=ACCESS_LOG,
    )
    return Peer(
        name=name,
        summary=f"nginx with Lua as in APISIX's aws-lambda, {setup.workers_text}, access log to a file every 50 ms",
        child=child,
        ports=ports,
        paths={"api-key": "/api-key", "sigv4": "/sigv4"},
        access_log=site.folder / name / "access.log",
    )


def _directives(setup: Setup) -> str:
    trusted = f"lua_ssl_trusted_certificate {setup.certificates.authority};" if setup.certificates else ""
    return _HTTP.substitute(
        scripts=_SCRIPTS,
        kept=KEPT,
        trusted=trusted,
        upstream=setup.upstream,
        api_key=API_KEY,
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        region=REGION,
        service=SERVICE,
    )
