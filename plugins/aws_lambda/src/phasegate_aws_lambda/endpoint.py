"""What a host name tells of an AWS endpoint: its region, and the service that its signatures name."""

from __future__ import annotations

import re
from typing import NamedTuple

DEFAULT_REGION = "us-east-1"
DEFAULT_SERVICE = "execute-api"

_REGION = r"(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)"
# API Gateway: "Invoke a REST API" and "Private REST APIs"; function URLs: "Invoking Lambda function URLs"; the Lambda
# API: "AWS Lambda endpoints and quotas"; STS: "AWS STS Regions and endpoints" (AWS documentation). A function's ARN has a
# region, too.
_ENDPOINTS = (
    (re.compile(rf"[a-z0-9-]+\.execute-api\.{_REGION}\.(?:vpce\.)?amazonaws\.com(?:\.cn)?"), "execute-api"),
    (re.compile(rf"[a-z0-9-]+\.lambda-url\.{_REGION}\.on\.aws"), "lambda"),
    (re.compile(rf"lambda(?:-fips)?\.{_REGION}\.(?:amazonaws\.com(?:\.cn)?|api\.aws)"), "lambda"),
    (re.compile(rf"arn:aws[a-z-]*:lambda:{_REGION}:\d{{12}}:function:.+"), "lambda"),
    (re.compile(rf"(?:[a-z0-9-]+\.)?sts(?:-fips)?\.{_REGION}\.(?:vpce\.)?amazonaws\.com(?:\.cn)?"), "sts"),
)


class Endpoint(NamedTuple):
    """The region and service that requests to a host are signed for."""

    region: str
    service: str


def endpoint_of(hostname: str) -> Endpoint | None:
    """Return what an AWS host name, or a function's ARN, says of itself; None for a custom domain, which says nothing."""
    for pattern, service in _ENDPOINTS:
        match = pattern.fullmatch(hostname.lower())
        if match is not None:
            return Endpoint(match["region"], service)
    return None
