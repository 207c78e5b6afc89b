from phasegate import Consumer, Credential, Outcome
from phasegate.snapshot.consumers import ConsumerIndex, LiveConsumers

JACK = Consumer("jack", (Credential("jack/token", "token", {"token": "sesame"}),))


def test_a_consumer_is_found_by_the_key_of_its_credential() -> None:
    index = ConsumerIndex([JACK], {"token": "token"})
    assert index.find("token", "sesame") == (JACK, JACK.credentials[0])
    assert index.find("token", "other") is None
    assert index.find("badge", "sesame") is None


def test_a_caller_is_known_by_the_key_alone() -> None:
    index = ConsumerIndex([JACK], {"token": "token"})
    assert index.caller("token", "sesame") == Outcome.ok(JACK, JACK.credentials[0])
    assert index.caller("token", "other") is None
    assert index.caller("badge", "sesame") is None


def test_the_index_does_not_hold_the_keys() -> None:
    assert "sesame" not in repr(vars(ConsumerIndex([JACK], {"token": "token"}))["_found"].keys())


def test_the_directory_follows_the_snapshots() -> None:
    directory = LiveConsumers()
    assert directory.find("token", "sesame") is None
    directory.index = ConsumerIndex([JACK], {"token": "token"})
    assert directory.find("token", "sesame") is not None


def test_equal_keys_of_two_plugins_are_two() -> None:
    credentials = (Credential("jill/badge", "badge", {"badge": "sesame"}),)
    index = ConsumerIndex([JACK, Consumer("jill", credentials)], {"token": "token", "badge": "badge"})
    found = [index.find(plugin, "sesame") for plugin in ("token", "badge")]
    assert [consumer.username for consumer, _ in filter(None, found)] == ["jack", "jill"]
