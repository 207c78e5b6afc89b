"""`phasegate doctor` as an operator runs it: what it prints, and with which exit code it ends."""

import json
import ssl
from pathlib import Path
from typing import Any

import trustme

from phasegate.testing import FakeUpstream, Reply, fake_upstream
from tests.process import free_port, run_command, write_conf


def upstream_of(*addresses: str) -> dict[str, Any]:
    return {"nodes": dict.fromkeys(addresses, 1)}


async def test_what_is_well_ends_with_zero(tmp_path: Path, upstream: FakeUpstream) -> None:
    routes = {"routes": [{"id": "a", "uri": "/a", "upstream": upstream_of(upstream.address)}]}
    code, output, errors = await run_command("doctor", str(write_conf(tmp_path, routes)))
    assert (code, errors) == (0, "")
    assert output == (
        "configuration\n"
        "  ok       check  can be served\n"
        f"\n{upstream.url}  (routes/a)\n"
        f"  ok       tcp    port {upstream.port} takes connections\n"
        "  note     clock  can't be compared: the answer has no Date\n"
        "\n2 ok, 1 note, 0 errors\n"
    )


async def test_an_error_ends_with_one_and_says_what_to_do(tmp_path: Path) -> None:
    port = free_port()
    plugin = {"function_uri": f"https://127.0.0.1:{port}/", "ssl_verify": False}
    routes = {"routes": [{"id": "a", "uri": "/a", "plugins": {"aws-lambda": plugin}}]}
    folder = str(write_conf(tmp_path, routes, plugins=["aws-lambda"]))
    code, output, _ = await run_command("doctor", folder)
    assert code == 1
    lines = output.splitlines()
    assert lines[1].startswith("  warning  routes.yaml  routes[0].plugins.aws-lambda.ssl_verify: is false")
    assert f"  error    tcp  port {port}: 127.0.0.1 refuses" in lines
    assert "                -> start what should listen there, or mend the port" in lines


async def test_a_function_s_certificate_is_judged_as_requests_judge_it(tmp_path: Path, authority: trustme.CA) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with fake_upstream(context) as function:
        plugin = {"function_uri": f"https://localhost:{function.port}/fn"}
        routes = {"routes": [{"id": "a", "uri": "/a", "plugins": {"aws-lambda": plugin}}]}
        folder = str(write_conf(tmp_path, routes, plugins=["aws-lambda"]))
        stranger = await run_command("doctor", folder)
        known = await run_command("doctor", folder, environment={"SSL_CERT_FILE": str(tmp_path / "ca.pem")})
    assert (stranger[0], known[0]) == (1, 0)
    assert "  error    tls  certificate of localhost until 3000-01-01 is from an authority that is not" in stranger[1]
    assert "-> name its authority with SSL_CERT_FILE" in stranger[1]
    assert "  ok       tls    TLSv1.3, certificate of localhost until 3000-01-01\n" in known[1]


async def test_programs_read_json(tmp_path: Path, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(headers={"Date": "Thu, 01 Jan 2026 00:00:00 GMT"}))
    routes = {"routes": [{"id": "a", "uri": "/a", "upstream": upstream_of(upstream.address)}]}
    code, output, _ = await run_command("doctor", "--json", str(write_conf(tmp_path, routes)))
    document = json.loads(output)
    assert (code, document["healthy"]) == (1, False)
    tcp, clock = document["subjects"][1]["checks"]
    assert tcp == {
        "about": "tcp",
        "level": "ok",
        "message": f"port {upstream.port} takes connections",
        "remedy": None,
    }
    assert clock["level"] == "error"
    assert clock["message"].endswith("ahead: signatures and tokens are refused")


async def test_a_configuration_that_is_refused_is_told_as_by_check(tmp_path: Path) -> None:
    folder = str(write_conf(tmp_path, {"routes": [{"id": "a", "uri": "a"}]}))
    code, output, errors = await run_command("doctor", folder)
    assert (code, output) == (1, "")
    assert errors.startswith(f"error: {tmp_path}/routes.yaml: routes[0].uri: is no path")
