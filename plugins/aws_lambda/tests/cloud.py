"""moto's server as an account: a function in it, and users with and without permissions."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any

import botocore.session
import httpx

REGION = "eu-west-1"


@dataclass(frozen=True)
class Cloud:
    """A server with a function in it, a user who may call functions, and one who may do nothing."""

    url: str
    iam: dict[str, str]
    stranger: dict[str, str]

    def results(self, *results: str) -> None:
        """Say what the function returns next."""
        url = f"{self.url}/moto-api/static/lambda-simple/response"
        httpx.post(url, json={"results": list(results), "region": REGION}).raise_for_status()


def client_of(url: str, service: str) -> Any:
    session = botocore.session.Session()
    session.set_credentials("testing", "testing")
    return session.create_client(service, region_name=REGION, endpoint_url=url)


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("app.py", "def handler(event, context):\n    return event\n")
    return buffer.getvalue()


def create_function(url: str, role: str) -> None:
    client_of(url, "lambda").create_function(
        FunctionName="app", Runtime="python3.12", Role=role, Handler="app.handler", Code={"ZipFile": archive()}
    )


def user(url: str, name: str) -> dict[str, str]:
    iam = client_of(url, "iam")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"accesskey": key["AccessKeyId"], "secretkey": key["SecretAccessKey"]}


def allow(url: str, name: str) -> None:
    # AWS asks for the first; moto names the operation instead.
    actions = ["lambda:InvokeFunction", "lambda:Invoke"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client_of(url, "iam").put_user_policy(UserName=name, PolicyName="invoke", PolicyDocument=document)
