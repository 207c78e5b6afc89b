"""`phasegate lambda sign`: what the gateway would send to a URL, and what its signature is made of."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from urllib.parse import quote

import click

from phasegate import Body
from phasegate.faas import FunctionRequest, FunctionTarget

from .authorization import Iam
from .credentials import Keys, Role, Source
from .endpoint import Endpoint, endpoint_of
from .request_options import data, field
from .signer import Signer

_MASK = "***"


def _target(_ctx: click.Context, _param: click.Parameter, url: str) -> FunctionTarget:
    if not url.startswith(("http://", "https://")):
        raise click.BadParameter(f"{url!r} is no absolute http or https URL")
    try:
        target = FunctionTarget.parse(url)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    if not target.hostname:
        raise click.BadParameter(f"{url!r} names no host")
    return target


def _fields(ctx: click.Context, param: click.Parameter, texts: tuple[str, ...]) -> list[tuple[bytes, bytes]]:
    fields = field(ctx, param, texts)
    for name in (b"host", b"content-length"):
        if name in dict(fields):
            raise click.BadParameter(f"{name.decode()} follows from the URL and the body: leave it out")
    return fields


@click.command()
@click.argument("target", metavar="URL", callback=_target)
@click.option("--explain", is_flag=True, help="Show what the signature is made of, secrets masked.")
@click.option("-X", "--method", default="GET", show_default=True, help="The request's method.")
@click.option(
    "-H", "--header", "fields", multiple=True, callback=_fields, metavar="'NAME: VALUE'", help="A header of it."
)
@click.option("-d", "--data", default="", callback=data, metavar="TEXT|@FILE", help="Its body.")
@click.option("--profile", help="A profile to take keys from.  [default: AWS's default chain]")
@click.option("--role-arn", metavar="ARN", help="A role to assume with them.")
@click.option("--region", help="The region to sign for.  [default: the host's]")
@click.option("--service", help="The service to sign for.  [default: the host's]")
@click.option(
    "--query", "in_query", is_flag=True, help="Put the signature into the query, where it holds for 300 seconds."
)
def sign(
    *,
    target: FunctionTarget,
    explain: bool,
    method: str,
    fields: list[tuple[bytes, bytes]],
    data: bytes,
    profile: str | None,
    role_arn: str | None,
    region: str | None,
    service: str | None,
    in_query: bool,
) -> None:
    """Sign a request to URL as the gateway does, and send nothing.

    The headers that belong to it are printed one a line, for curl's -H @FILE, or with --query its URL. With --explain
    it is shown how they come about: the canonical request, the string to sign, and the request as it is sent.

    \b
    Try it:
      phasegate lambda sign --explain https://abcdef.lambda-url.eu-west-1.on.aws/orders?id=7
    """  # noqa: D301 (click's mark for lines to keep is the control character itself)
    endpoint = Iam(aws_region=region, service=service).endpoint(target.hostname)
    source = Source(static=None, profile=profile, roles=_roles(role_arn), region=endpoint.region)
    keys = _found(source)
    request = FunctionRequest(
        method=method.upper(), host=target.host, path=target.path, query=target.query, headers=fields, body=Body(data)
    )
    payload = hashlib.sha256(data).hexdigest()
    signer = Signer(endpoint=endpoint, location="query" if in_query else "header")
    signer.sign(request, payload, time.time(), keys)
    if explain:
        click.echo("\n".join(_explained(signer, request, payload, keys, _said(endpoint, target, keys, source))))
    elif in_query:
        click.echo(f"{target.scheme}://{request.host}{request.target}")
    else:
        click.echo("\n".join(_lines(request)))


def _roles(arn: str | None) -> tuple[Role, ...]:
    return () if arn is None else (Role(role_arn=arn),)


def _found(source: Source) -> Keys:
    try:
        return source.load()
    except Exception as error:
        raise click.ClickException(f"no credentials from {source}: {str(error) or type(error).__name__}") from error


def _said(endpoint: Endpoint, target: FunctionTarget, keys: Keys, source: Source) -> str:
    known = endpoint_of(target.hostname)
    if known is None:
        why = f"{target.hostname} says nothing of them"
    else:
        why = "as the host says" if known == endpoint else f"though the host is of {known.region}, {known.service}"
    found = f"key {keys.access_key}, from {source}: {keys.found_by}"
    return f"region {endpoint.region}, service {endpoint.service}: {why}\n{found}"


def _explained(signer: Signer, request: FunctionRequest, payload: str, keys: Keys, said: str) -> Iterator[str]:
    account = signer.account(request, payload)
    yield said
    parts = {
        "Canonical request": account.canonical.split("\n"),
        "String to sign": account.to_sign.split("\n"),
        "Request": [f"{request.method} {request.target}", f"host: {request.host}", *_lines(request)],
    }
    for title, lines in parts.items():
        yield f"\n{title}"
        yield from (f"  {_masked(line, keys)}".rstrip() for line in lines)


def _masked(line: str, keys: Keys) -> str:
    if keys.session_token is None:
        return line
    token = keys.session_token.value
    return line.replace(token, _MASK).replace(quote(token, safe="-_.~"), _MASK)


def _lines(request: FunctionRequest) -> list[str]:
    return [f"{name.decode()}: {value.decode('latin-1')}" for name, value in request.headers]
