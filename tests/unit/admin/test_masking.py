from phasegate.admin.masking import Masking
from phasegate.environment import FromEnvironment
from phasegate.registry import Registry
from phasegate.schema.tables import Schemas

CERTIFICATE = {"id": "1", "cert": "public", "key": "private", "certs": ["public"], "keys": ["private"], "snis": ["a"]}


def test_private_keys_of_certificates_are_shown_to_nobody() -> None:
    masking = Masking(Schemas(Registry()))
    for show in (masking.readable, masking.masked):
        shown = show(("ssls", "1"), CERTIFICATE)
        assert shown == {"id": "1", "cert": "public", "certs": ["public"], "snis": ["a"]}


def test_what_the_environment_filled_in_is_masked() -> None:
    value = {"id": "1", "desc": FromEnvironment("of the environment"), "uris": ["/a", FromEnvironment("/b")]}
    shown = Masking(Schemas(Registry())).masked(("routes", "1"), value)
    assert shown == {"id": "1", "desc": "***", "uris": ["/a", "***"]}


def test_what_is_sealed_is_masked_wherever_it_stands_though_no_schema_calls_it_secret() -> None:
    masking = Masking(Schemas(Registry(())))
    value = {"desc": "told", "labels": {"a": [{"was": "$sealed:k1:AAAA"}]}}
    assert masking.masked(("routes", "1"), value) == {"desc": "told", "labels": {"a": [{"was": "***"}]}}
