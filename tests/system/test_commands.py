"""The commands as an operator runs them: what they print, and with which exit code they end."""

from pathlib import Path
from typing import Any

import pytest

from phasegate.sealing import KeyRing
from tests.process import run_command, write_conf

NODES = {"nodes": {"127.0.0.1:1980": 1}}


def conf(tmp_path: Path, routes: Any, **settings: Any) -> str:
    return str(write_conf(tmp_path, routes, **settings))


async def test_check_says_ok_and_counts(tmp_path: Path) -> None:
    folder = conf(tmp_path, {"routes": [{"id": "a", "uri": "/a", "upstream": NODES}]})
    assert await run_command("check", folder) == (0, f"{folder}: ok (1 route, 0 plugins, 1 worker)\n", "")


async def test_check_warns_and_still_says_ok(tmp_path: Path) -> None:
    plugin = {"function_uri": "https://h.test/", "ssl_verify": False}
    routes = {"routes": [{"id": "a", "uri": "/a", "plugins": {"aws-lambda": plugin}}]}
    code, output, _ = await run_command("check", conf(tmp_path, routes, plugins=["aws-lambda"]))
    assert code == 0
    assert output.startswith(f"warning: {tmp_path}/routes.yaml: routes[0].plugins.aws-lambda.ssl_verify: is false")


@pytest.mark.parametrize("command", ["check", "run"])
async def test_every_mistake_is_told_on_standard_error(tmp_path: Path, command: str) -> None:
    routes = {"routes": [{"id": "a", "uri": "a"}, {"id": "b", "uri": "/b", "plugins": {"key-auth": {"x": 1}}}]}
    folder = conf(tmp_path, routes, plugins=["key-auth"])
    arguments = [folder] if command == "check" else ["--conf", folder]
    code, output, errors = await run_command(command, *arguments)
    assert (code, output) == (1, "")
    assert errors.splitlines() == [
        f"error: {tmp_path}/routes.yaml: routes[0].uri: is no path: path 'a' does not begin with a slash",
        (
            f"error: {tmp_path}/routes.yaml: routes[1].plugins.key-auth.x: is not a known key; "
            "known here: anonymous_consumer, header, hide_credentials, query, realm, run_on_preflight"
        ),
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"plugins": ["key-auht"]}, "plugins[0]: plugin 'key-auht' is not installed; did you mean 'key-auth'?"),
        ({"workres": 1}, "workres: is not a known key: did you mean 'workers'?"),
        ({"listen": [{"address": 9080}]}, "listen[0].address: must be a string (got 9080)"),
    ],
)
async def test_a_mistake_in_the_settings_ends_the_start(tmp_path: Path, settings: Any, message: str) -> None:
    code, _, errors = await run_command("run", "--conf", conf(tmp_path, {"routes": []}, **settings))
    assert (code, errors) == (1, f"error: {tmp_path}/gateway.yaml: {message}\n")


async def test_a_plugin_that_can_not_open_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    install(tmp_path / "lib", "fails", FAILING_PLUGIN)
    folder = conf(tmp_path, {"routes": [{"id": "a", "uri": "/", "plugins": {"fails": {}}}]}, plugins=["fails"])
    environment = {"PYTHONPATH": str(tmp_path / "lib")}
    code, _, errors = await run_command("run", "--conf", folder, environment=environment)
    assert code == 1
    where = f"{tmp_path}/routes.yaml: routes[0].plugins.fails"
    why = "OSError: no such database (phasegate_fails.py:11)"
    assert f"error: {where}: plugin fails can't be opened: {why}\n" in errors
    assert "listening" not in errors


def install(library: Path, name: str, source: str) -> None:
    """Install a distribution with one plugin, whose class has the plugin's name with a capital."""
    (library / f"phasegate_{name}.py").write_text(source)
    metadata = library / f"phasegate_{name}-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: phasegate-{name}\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(f"[phasegate.plugins]\n{name} = phasegate_{name}:{name.capitalize()}\n")


ANSWERING_PLUGIN = """
from dataclasses import dataclass
from typing import ClassVar
from phasegate import Plugin, Response, hookimpl

@dataclass(kw_only=True)
class Answers(Plugin):
    name: ClassVar[str] = "answers"

    @hookimpl
    async def proxy(self, exchange):
        return Response.text("answered")
"""

FAILING_PLUGIN = """
from dataclasses import dataclass
from typing import ClassVar
from phasegate import Plugin, hookimpl

@dataclass(kw_only=True)
class Fails(Plugin):
    name: ClassVar[str] = "fails"

    async def open(self, services):
        raise OSError("no such database")

    @hookimpl
    async def access(self, exchange):
        return None
"""


async def test_routes_are_listed_with_what_they_match_and_where_they_lead(tmp_path: Path) -> None:
    function = {"aws-lambda": {"function_uri": "https://id.test/fn?key=s3cret"}, "key-auth": {}}
    routes = [
        {"id": "fn", "uri": "/fn/*", "hosts": ["a.test", "*.b.test"], "methods": ["POST", "GET"], "plugins": function},
        {"id": "site", "uri": "/", "remote_addr": "10.0.0.0/8", "priority": 5, "upstream": NODES},
        {"id": "off", "uri": "/off", "status": 0, "upstream": NODES},
    ]
    code, output, _ = await run_command(
        "routes", conf(tmp_path, {"routes": routes}, plugins=["aws-lambda", "key-auth"])
    )
    assert code == 0
    assert [line.split() for line in output.splitlines()] == [
        ["ID", "HOST", "URI", "METHODS", "CONDITIONS", "PRIORITY", "PLUGINS", "GOES", "TO"],
        [
            "fn",
            "a.test,",
            "*.b.test",
            "/fn/*",
            "GET,",
            "POST",
            "-",
            "0",
            "key-auth,",
            "aws-lambda",
            "https://id.test/fn",
        ],
        ["site", "any", "/", "any", "10.0.0.0/8", "5", "-", "http://127.0.0.1:1980"],
    ]


async def test_plugins_are_listed_with_their_origin(tmp_path: Path) -> None:
    code, output, _ = await run_command("plugins", "--conf", conf(tmp_path, {"routes": []}, plugins=["key-auth"]))
    rows = {line.split()[0]: line.split() for line in output.splitlines()}
    assert code == 0
    assert rows["key-auth"][1:6] == ["yes", "phasegate-auth", "0.1.0", "2500", "authenticate"]
    assert rows["aws-lambda"][1:6] == ["no", "phasegate-aws-lambda", "0.1.0", "-1899", "proxy"]


async def test_plugins_can_be_listed_before_there_is_a_configuration(tmp_path: Path) -> None:
    code, output, _ = await run_command("plugins", folder=tmp_path)
    assert code == 0
    assert "key-auth" in output


async def test_a_configuration_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    code, output, errors = await run_command("plugins", "--conf", str(tmp_path / "nowhere"))
    assert (code, output) == (1, "")
    assert errors == f"error: {tmp_path}/nowhere: is no folder: name the one that holds gateway.yaml\n"


async def test_a_route_that_a_plugin_answers_says_so(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    install(tmp_path / "lib", "answers", ANSWERING_PLUGIN)
    routes = {"routes": [{"id": "a", "uri": "/", "plugins": {"answers": {}}}, {"id": "b", "uri": "/b"}]}
    folder = conf(tmp_path, routes, plugins=["answers"])
    code, output, _ = await run_command("routes", folder, environment={"PYTHONPATH": str(tmp_path / "lib")})
    assert code == 0
    assert output.splitlines()[1].endswith("plugin answers")
    assert output.splitlines()[2].endswith("nowhere")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("run",),
        ("check",),
        ("plugins",),
        ("plugin", "new"),
        ("plugin", "docs"),
        ("routes",),
        ("explain",),
        ("export",),
        ("diff",),
        ("apply",),
        ("lambda", "serve"),
    ],
)
async def test_help_is_there(arguments: tuple[str, ...]) -> None:
    code, output, _ = await run_command(*arguments, "--help")
    assert code == 0
    assert output.startswith("Usage: phasegate")


async def test_keyring_rotates_and_lists(tmp_path: Path) -> None:
    folder = conf(tmp_path, {"routes": []})
    first = KeyRing.make(tmp_path / "var" / "keyring").newest
    code, output, _ = await run_command("keyring", "rotate", "--conf", folder)
    assert code == 0
    newest = KeyRing(tmp_path / "var" / "keyring").newest
    assert output.startswith(f"{tmp_path}/var/keyring: key {newest} seals from now on; copy the file")
    assert await run_command("keyring", "ids", "--conf", folder) == (0, f"{newest}\n{first}\n", "")


async def test_keyring_without_a_ring(tmp_path: Path) -> None:
    code, _, errors = await run_command("keyring", "rotate", "--conf", conf(tmp_path, {"routes": []}))
    assert code == 1
    assert errors.startswith(f"error: there is no key ring {tmp_path}/var/keyring")


async def test_a_mistake_among_many_routes_is_told_by_the_workers(tmp_path: Path) -> None:
    routes = [{"id": f"r{number}", "uri": f"/{number}", "upstream": NODES} for number in range(1200)]
    folder = conf(tmp_path, {"routes": [*routes, {"id": "bad", "uri": "bad"}]}, workers=2)
    code, _, errors = await run_command("run", "--conf", folder)
    assert code == 1
    last = errors.splitlines()[-1]
    assert (
        last == f"error: {tmp_path}/routes.yaml: routes[1200].uri: is no path: path 'bad' does not begin with a slash"
    )
