"""The variables that conditions and templates speak of: facts of a request, by their names in APISIX."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches

from ..environment import shown
from ..http.cookies import cookie
from ..http.message import Request

Reader = Callable[[Request, Mapping[str, str]], str | None]

_FACTS: dict[str, Callable[[Request], str | None]] = {
    "request_method": lambda request: request.method,
    "uri": lambda request: request.path,
    "request_uri": lambda request: request.raw_target,
    "host": lambda request: request.host,
    "scheme": lambda request: request.scheme,
    "remote_addr": lambda request: request.client,
    "server_protocol": lambda request: f"HTTP/{request.http_version}",
    "args": lambda request: request.query.raw or None,
}


def variable(name: str, path: str = "", given: Collection[str] = ()) -> Reader:
    """Return what reads a variable of a request and the parameters of its route: text, None where it has none.

    Variables in `given` are read from the parameters, where they stand with a `$` before their names. Raise ValueError for a
    name that there is not; it begins with `path`.
    """
    if name in given:
        return lambda request, params: params.get(f"${name}")
    kind, _, rest = name.partition("_")
    if rest:
        match kind:
            case "http":
                header = _header(rest, path)
                return lambda request, params: request.headers.get(header)
            case "arg":
                return lambda request, params: request.query.get(rest)
            case "cookie":
                return lambda request, params: cookie(request.headers, rest)
        if name.startswith("uri_param_"):
            parameter = name.removeprefix("uri_param_")
            return lambda request, params: params.get(parameter)
    fact = _FACTS.get(name)
    if fact is None:
        raise ValueError(f"{path} has no variable {shown(name)}: {_hint(name, given)}".lstrip())
    return lambda request, params: fact(request)


def _hint(name: str, given: Collection[str]) -> str:
    known = [*_FACTS, *given, "http_NAME", "arg_NAME", "cookie_NAME", "uri_param_NAME"]
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"


def _header(name: str, path: str) -> str:
    if re.fullmatch("[A-Za-z0-9_]+", name) is None:
        raise ValueError(f"{path} has no header {shown(name)}: write http_ and its name with _ for -")
    return name.replace("_", "-")
