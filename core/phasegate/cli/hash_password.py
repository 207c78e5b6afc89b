"""`phasegate hash-password`: what to write into a file in a password's place."""

from __future__ import annotations

import sys

import click

from ..errors import CommandError
from ..passwords import hash_password, is_password, looks_hashed


@click.command("hash-password")
def hash_command() -> None:
    """Print the hash of a password, for `password` of basic-auth in routes.yaml.

    The password is asked for, or is the first line of what is piped in; it is never an argument, which others could see.
    """
    password = click.prompt("Password", hide_input=True, confirmation_prompt=True) if sys.stdin.isatty() else _piped()
    if looks_hashed(password) or not is_password(password):
        raise CommandError("this can be no password: it is empty, too long, or a hash already")
    click.echo(hash_password(password))


def _piped() -> str:
    return sys.stdin.readline().rstrip("\r\n")
