"""The commands of the article on aws-lambda, with host, port and key changed, run by curl."""

import asyncio
import json
import shutil

import pytest

from phasegate.testing import FakeUpstream, Reply
from tests.desk import ADMIN_KEY, Node

CURL = shutil.which("curl")
BY_KEY = """
{
"plugins": {
"aws-lambda": {
"function_uri": "FUNCTION",
"authorization": {
"apikey": "a-key-of-the-function"
},
"ssl_verify": false
}
},
"uri": "/aws"
}"""
BY_IAM = """
{
"plugins": {
"aws-lambda": {
"function_uri": "FUNCTION",
"authorization": {
"iam": {
"accesskey": "AKIDEXAMPLE",
"secretkey": "a-secret-of-iam"
}
},
"ssl_verify": false
}
},
"uri": "/aws"
}"""
DISABLED = """
{
"uri": "/aws",
"plugins": {},
"upstream": {
"type": "roundrobin",
"nodes": {
"NODE": 1
}
}
}"""

pytestmark = pytest.mark.skipif(CURL is None, reason="install curl to run the article's commands")


async def curl(node: Node, body: str, upstream: FakeUpstream) -> tuple[int, dict[str, object]]:
    """Put the body at the article's path as its reader would; return status and answer."""
    address = f"127.0.0.1:{upstream.port}"
    filled = body.replace("FUNCTION", f"http://{address}/default/test-apisix").replace("NODE", address)
    url = f"{node.admin_url}/apisix/admin/routes/1"
    arguments = [url, "-H", f"X-API-KEY: {ADMIN_KEY}", "-X", "PUT", "-d", filled, "-s", "-w", "%{http_code}"]
    assert CURL is not None
    process = await asyncio.create_subprocess_exec(CURL, *arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return int(output[-3:]), json.loads(output[:-3])


async def test_the_article_s_commands_one_after_the_other(node: Node, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(body=b'"Hello, APISIX!"'))
    assert (await curl(node, BY_KEY, upstream))[0] == 201
    assert (await node.client.get("/aws?name=APISIX")).text == '"Hello, APISIX!"'
    assert (await curl(node, BY_IAM, upstream))[0] == 200
    assert (await node.client.get("/aws")).status_code == 200
    status, answer = await curl(node, DISABLED, upstream)
    assert (status, answer["key"]) == (200, "/apisix/routes/1")
    assert (await node.client.get("/aws")).status_code == 200
    by_key, by_iam, plain = upstream.received
    assert by_key.get("x-api-key") == "a-key-of-the-function"
    assert (by_iam.get("authorization") or "").startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert (plain.target, plain.get("authorization")) == ("/aws", None)
