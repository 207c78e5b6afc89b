import pytest

from phasegate import ConfigError
from phasegate.registry import Registry, installed
from phasegate.schema.plugins import PluginSchemas
from tests.zoo import Answers, Witness, variant


def test_installed_plugins_are_found_with_their_distribution() -> None:
    found = installed()
    assert found["key-auth"][0].distribution == "phasegate-auth"
    assert found["aws-lambda"][0].distribution == "phasegate-aws-lambda"


def test_only_what_is_asked_for_is_loaded() -> None:
    registry = Registry.load(["key-auth"])
    assert list(registry.classes) == ["key-auth"]
    assert registry.get("aws-lambda") is None


def test_every_missing_plugin_is_told_with_its_place() -> None:
    with pytest.raises(ConfigError) as caught:
        Registry.load(["aws-lamda", "key-auth", "nothing-like-it"])
    assert [str(finding) for finding in caught.value.findings] == [
        "plugins[0]: plugin 'aws-lamda' is not installed; did you mean 'aws-lambda'?",
        f"plugins[2]: plugin 'nothing-like-it' is not installed; installed: {', '.join(installed())}",
    ]


def test_two_plugins_of_one_name_are_refused() -> None:
    twin = variant(Answers, name="witness")
    with pytest.raises(ConfigError, match="taken by another plugin"):
        Registry([Witness, twin])


def test_nobody_may_be_called_forward() -> None:
    impostor = variant(Answers, name="forward")
    with pytest.raises(ConfigError, match="'forward' is taken"):
        Registry([impostor])


def test_a_broken_class_is_refused_with_every_misuse() -> None:
    class NotADataclass(Witness):
        pass

    with pytest.raises(ConfigError, match="is no dataclass"):
        Registry([NotADataclass])


def test_phases_are_known_in_the_order_of_a_request() -> None:
    registry = Registry([Witness])
    assert registry.phases(Witness) == ("rewrite", "access", "proxy", "response", "log")


def test_a_schema_that_does_not_agree_with_the_fields_is_refused() -> None:
    cls = variant(Answers, name="odd", schema={**Answers.schema, "extra": {"type": "string"}})
    with pytest.raises(ConfigError, match=r"Variant.schema.extra: has no field"):
        PluginSchemas(Registry([cls]))


def test_a_schema_that_cerberus_refuses_is_refused() -> None:
    cls = variant(Answers, name="odd", schema={"phase": {"tpye": "string"}})
    with pytest.raises(ConfigError, match="schema is not valid"):
        PluginSchemas(Registry([cls]))
