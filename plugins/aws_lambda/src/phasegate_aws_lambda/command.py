"""`phasegate lambda`: what runs functions on this machine, and what looks into calls of those on AWS."""

from __future__ import annotations

import click

from .invoke import invoke
from .local.command import lambda_group as local_group
from .sign import sign

lambda_group = click.Group(
    "lambda",
    commands=[*local_group.commands.values(), invoke, sign],
    help="Run Lambda functions on this machine, and call those on AWS or sign requests to them.",
)
