"""What a host name tells of an AWS endpoint: its region, and the service that its signatures name."""

from __future__ import annotations

import re
from typing import NamedTuple

DEFAULT_REGION = "us-east-1"
DEFAULT_SERVICE = "execute-api"

_REGION = r"(?P<region>(?:eusc-)?[a-z]{2}(?:-[a-z]+)+-\d)"
# How the regions of a partition begin, and its domain ("AWS partitions", AWS documentation).
_DOMAINS = {
    "cn-": "amazonaws.com.cn",
    "eusc-": "amazonaws.eu",
    "eu-isoe-": "cloud.adc-e.uk",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
}
_DOMAIN = f"(?:{'|'.join(map(re.escape, ('amazonaws.com', *_DOMAINS.values())))})"
# API Gateway: "Invoke a REST API" and "Private REST APIs"; function URLs: "Invoking Lambda function URLs"; the Lambda
# API: "AWS Lambda endpoints and quotas"; STS: "AWS STS Regions and endpoints" (AWS documentation). A function's ARN has a
# region, too.
_ENDPOINTS = (
    (re.compile(rf"[a-z0-9-]+\.execute-api\.{_REGION}\.(?:vpce\.)?{_DOMAIN}"), "execute-api"),
    (re.compile(rf"[a-z0-9-]+\.lambda-url\.{_REGION}\.on\.aws"), "lambda"),
    (re.compile(rf"lambda(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?:{_DOMAIN}|api\.aws)"), "lambda"),
    (re.compile(rf"arn:aws[a-z-]*:lambda:{_REGION}:\d{{12}}:function:.+"), "lambda"),
    (re.compile(rf"(?:[a-z0-9-]+\.)?sts(?:-fips)?\.{_REGION}\.(?:vpce\.)?{_DOMAIN}"), "sts"),
)


def domain_of(region: str) -> str:
    """Return the domain that the endpoints of a region are in."""
    return next((domain for beginning, domain in _DOMAINS.items() if region.startswith(beginning)), "amazonaws.com")


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
