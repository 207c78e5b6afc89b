"""What of a route a request has matched: events name it as API Gateway names its resources."""

from __future__ import annotations

from phasegate import Exchange


def matched_uri(exchange: Exchange) -> str:
    """Return that of the route's uris which the request matched, with its parameters' names and its `*`."""
    if exchange.route is None:
        return exchange.request.path
    uris = exchange.route.uris
    if len(uris) == 1:
        return uris[0]
    path = exchange.original.path if exchange.prefix is None else f"{exchange.prefix}*"
    # A uri without parameters goes before one with them.
    fitting = sorted((uri for uri in uris if _fits(uri, path)), key=lambda uri: ":" in uri)
    return next(iter(fitting), uris[0])


def parameters(exchange: Exchange) -> dict[str, str]:
    """Return the route's parameters, with what stands for its `*` as `proxy`."""
    suffix = exchange.suffix
    return {**exchange.params, "proxy": suffix} if suffix else exchange.params


def _fits(uri: str, path: str) -> bool:
    parts, found = uri.split("/"), path.split("/")
    return len(parts) == len(found) and all(
        part == other or part.startswith(":") for part, other in zip(parts, found, strict=True)
    )
