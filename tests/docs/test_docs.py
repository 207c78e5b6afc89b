"""The documentation is held to the code: every hook, key, error and command is in it, and its blocks run."""

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from phasegate import FunctionFacts, Plugin, RequestError, errors
from phasegate.faas import FunctionPlugin
from phasegate.limits import RULES
from phasegate.plugin import HOOKS
from phasegate.registry import Registry, installed
from phasegate.schema import Schema
from phasegate.schema.managers import MANAGERS
from phasegate.schema.resources import KINDS, NODE, PLUGIN_META, TIMEOUT
from phasegate.schema.tables import Schemas
from phasegate.settings import DEFINITION
from phasegate.snapshot import Snapshot
from phasegate.testing.conformance.vendor import Vendor

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md"), *ROOT.glob("plugins/*/README.md")]
)
GUIDE = (ROOT / "docs" / "writing-a-plugin.md").read_text()
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text()
HTTP = (ROOT / "docs" / "http.md").read_text()
AWS_LAMBDA = (ROOT / "docs" / "aws-lambda.md").read_text()
AUTH = (ROOT / "docs" / "auth.md").read_text()
FUNCTIONS = (ROOT / "docs" / "functions.md").read_text()
TRAFFIC = (ROOT / "docs" / "traffic.md").read_text()
SECRETS = (ROOT / "docs" / "secrets.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def in_code(text: str) -> set[str]:
    """Return every word that stands in code on a page: in backticks or in a block."""
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    fenced = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return {word for span in [*spans, *fenced] for word in re.findall(r"[A-Za-z0-9_-]+", span)}


def keys_of(definition: Any) -> Iterator[str]:
    for key, rules in definition.items():
        yield key
        schema = rules.get("schema", {})
        item = schema.get("schema", {}) if schema.get("type") == "dict" else schema
        if rules.get("type") in ("dict", "list") and isinstance(item, dict) and not isinstance(item.get("type"), str):
            yield from keys_of(item)


@pytest.mark.parametrize("hook", HOOKS)
def test_every_phase_is_in_the_guide_with_its_arguments(hook: str) -> None:
    arguments = ", ".join(inspect.signature(getattr(Plugin, hook)).parameters)
    assert f"| `{hook}({arguments})` |" in GUIDE


@pytest.mark.parametrize("name", [name for name in vars(Plugin) if not name.startswith("_")])
def test_everything_that_a_plugin_may_define_is_in_the_guide(name: str) -> None:
    assert name in in_code(GUIDE)


@pytest.mark.parametrize("name", [name for name in vars(Vendor) if not name.startswith("_")])
def test_everything_that_the_suite_is_told_is_in_the_guide(name: str) -> None:
    assert name in in_code(GUIDE) or name in {"document", "started"}


@pytest.mark.parametrize("fact", FunctionFacts.__annotations__)
def test_every_fact_of_a_run_is_in_the_guide_and_on_the_page_of_who_tells_it(fact: str) -> None:
    for page in (GUIDE, AWS_LAMBDA):
        assert re.search(rf"^\|.*`{fact}`.*\|.*\|$", page, re.MULTILINE)


@pytest.mark.parametrize("key", sorted(set(keys_of(DEFINITION))))
def test_every_setting_is_documented(key: str) -> None:
    assert key in in_code(CONFIGURATION) | in_code(HTTP)


def test_documented_limits_have_the_defaults_that_hold() -> None:
    for name, rules in RULES.items():
        default = f"{rules['default']:g}" if isinstance(rules["default"], float) else rules["default"]
        assert f"| `{name}` | {default} |" in HTTP


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_a_resource_is_documented(kind: str) -> None:
    keys = {kind, *keys_of(KINDS[kind]), *NODE, *PLUGIN_META, *TIMEOUT["schema"]}
    assert keys - in_code(CONFIGURATION) - in_code(SECRETS) == set()


@pytest.mark.parametrize("manager", MANAGERS)
def test_every_key_of_a_manager_of_secrets_is_documented(manager: str) -> None:
    for key in MANAGERS[manager]:
        assert re.search(rf"^\|.*`{key}`.*\|.*\|.*\|$", SECRETS, re.MULTILINE), key


def is_function(plugin: str) -> bool:
    return issubclass(Registry.load([plugin]).classes[plugin], FunctionPlugin)


OTHER_FUNCTIONS = [name for name in installed() if is_function(name) and name != "aws-lambda"]


def page_of(plugin: str) -> str:
    if installed()[plugin][0].distribution == "phasegate-traffic":
        return TRAFFIC
    return AWS_LAMBDA if plugin == "aws-lambda" else FUNCTIONS if plugin in OTHER_FUNCTIONS else AUTH


@pytest.mark.parametrize(("plugin", "page"), [(name, page_of(name)) for name in installed()])
def test_every_key_of_a_bundled_plugin_is_documented(plugin: str, page: str) -> None:
    cls = Registry.load([plugin]).classes[plugin]
    definitions = (cls.schema, cls.consumer_schema or {}, cls.metadata_schema or {})
    assert {key for definition in definitions for key in keys_of(definition)} - in_code(page) == set()


def section(page: str, heading: str) -> str:
    found = re.search(rf"^{heading}$(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def default_as_written(rules: Any) -> str:
    default = rules.get("default")
    if rules.get("required"):
        return "required"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, list):
        return ", ".join(f"`{item}`" for item in default) or "none"
    return f"`{default}`" if isinstance(default, str) else str(default) if isinstance(default, (int, float)) else ""


def defaults_in(page: str, heading: str) -> dict[str, set[str]]:
    """Return what the tables of a section give as the defaults of each key."""
    found: dict[str, set[str]] = {}
    for key, default in re.findall(r"^\| `([a-z0-9_]+)` \| (.*?) ?\| \S.*\|$", section(page, heading), re.MULTILINE):
        found.setdefault(key, set()).add(default)
    return found


@pytest.mark.parametrize("plugin", OTHER_FUNCTIONS)
def test_every_field_of_a_function_plugin_has_its_row_with_its_default(plugin: str) -> None:
    cls = Registry.load([plugin]).classes[plugin]
    written = defaults_in(FUNCTIONS, "## Fields of all function plugins") | defaults_in(FUNCTIONS, f"### {plugin}")
    for key, rules in [*cls.schema.items(), *(cls.metadata_schema or {}).items()]:
        default = default_as_written(rules) if rules.get("default") != {} else ""
        assert not default or default in written[key], key
        assert key in written, key


@pytest.mark.parametrize("plugin", [name for name in installed() if not is_function(name)])
def test_every_field_of_a_plugin_has_its_row_with_its_default(plugin: str) -> None:
    cls, page = Registry.load([plugin]).classes[plugin], page_of(plugin)
    written = defaults_in(AUTH, "## Fields of all auth plugins") | defaults_in(page, f"### {plugin}")
    for key, rules in [*cls.schema.items(), *(cls.consumer_schema or {}).items()]:
        default = default_as_written(rules) if key != "realm" else "the plugin's own"
        assert written[key] & ({default} if default else {"none", "any", ""}), key


@pytest.mark.parametrize("plugin", ["aws-lambda"])
def test_documented_defaults_and_bounds_are_those_of_the_schema(plugin: str) -> None:
    for key, rules in Registry.load([plugin]).classes[plugin].schema.items():
        default = rules.get("default")
        if isinstance(default, (int, str)):
            text = str(default).lower() if isinstance(default, bool) else str(default)
            row = re.search(rf"^\| `{key}` \| `?{text}`? ?(.*?) ?\|", AWS_LAMBDA, re.MULTILINE)
            assert row, key
            if rules.get("min", 1) > 1:
                assert row.group(1) == f"(at least {rules['min']})"


def test_every_error_that_a_request_can_end_with_is_documented() -> None:
    codes = {
        cls.code
        for cls in vars(errors).values()
        if inspect.isclass(cls) and issubclass(cls, RequestError) and cls.__module__.startswith("phasegate.errors.")
    }
    elsewhere = {"internal_error", "unauthorized", "route_not_found", "plugin_failed", "no_upstream", "upstream_error"}
    assert codes - elsewhere <= in_code(AWS_LAMBDA) | in_code(HTTP)


def document_of(block: str) -> dict[str, Any]:
    filled = re.sub(r"\$\{([A-Z_]+)\}", r"value-of-\1", block)
    loaded: dict[str, Any] = yaml.safe_load(filled)
    return loaded


# The page on the first plugin has a test of its own, with that plugin installed.
YAML_BLOCKS = [
    (page.name, block) for page in PAGES if page.name != "first-plugin.md" for block in blocks(page.read_text(), "yaml")
]


@pytest.mark.parametrize(("page", "block"), YAML_BLOCKS)
def test_every_configuration_on_a_page_can_be_loaded(page: str, block: str) -> None:
    document = document_of(block)
    if {"listen", "workers"} & document.keys():
        _, findings = Schema(DEFINITION).validate(document)
        assert findings == []
    else:
        Snapshot(document, Schemas(Registry.load(installed())))


def test_there_are_configurations_to_load() -> None:
    assert len(YAML_BLOCKS) >= 5


LINKS = [
    (page, link)
    for page in PAGES
    for link in re.findall(r"\]\(([^)#\s]+)", page.read_text())
    if not link.startswith(("http://", "https://"))
]


@pytest.mark.parametrize(("page", "link"), LINKS, ids=lambda value: str(getattr(value, "name", value)))
def test_every_link_leads_somewhere(page: Path, link: str) -> None:
    assert (page.parent / link).exists()


def test_every_make_target_is_named_in_the_readme_and_the_other_way_round() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"make ([a-z]+)", (ROOT / "README.md").read_text()))
    assert named <= targets
    assert targets - named <= {"lint"}


def test_every_module_of_core_is_in_the_architecture() -> None:
    page = in_code((ROOT / "docs" / "architecture.md").read_text())
    modules = {path.stem for path in (ROOT / "core" / "phasegate").iterdir() if not path.name.startswith(("_", "py."))}
    assert modules - page == set()


@pytest.mark.parametrize(
    "event",
    ["listening", "configuration accepted", "worker died", "request failed", "access", "event loop stands still"],
)
def test_events_are_documented(event: str) -> None:
    assert f"`{event}`" in (ROOT / "docs" / "operations.md").read_text()


def test_no_page_has_a_line_that_is_too_long_to_read_as_text() -> None:
    long = [
        f"{page.name}:{number}"
        for page in PAGES
        for number, line in enumerate(page.read_text().splitlines(), 1)
        if len(line) > 120 and not line.startswith("|")
    ]
    assert long == []


def test_the_public_names_on_the_guide_exist() -> None:
    for module, names in re.findall(r"^from (phasegate[\w.]*) import (.+)$", GUIDE, re.MULTILINE):
        for name in names.split(", "):
            assert hasattr(importlib.import_module(module), name)
