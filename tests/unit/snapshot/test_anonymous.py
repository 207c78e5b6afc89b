from dataclasses import dataclass
from typing import Any, ClassVar

from phasegate.registry import Registry
from phasegate.schema.tables import Schemas
from phasegate.snapshot import Snapshot
from tests.zoo import Token


@dataclass(kw_only=True)
class Lenient(Token):
    """Lets callers without a token in, by another name."""

    name: ClassVar[str] = "lenient"
    schema: ClassVar = {**Token.schema, "anonymous_consumer": {"type": "string"}}
    anonymous_consumer: str | None = None


SCHEMAS = Schemas(Registry([Lenient]))
UPSTREAM = {"nodes": {"127.0.0.1:1": 1}}


def warnings(*usernames: str, **document: Any) -> list[str]:
    consumers = [{"username": username} for username in usernames]
    routes = [{"id": id_, "uri": f"/{id_}", "service_id": "s"} for id_ in ("a", "b")]
    services = [{"id": "s", "upstream": UPSTREAM, "plugins": {"lenient": {"anonymous_consumer": "guest"}}}]
    whole = {"consumers": consumers, "routes": routes, "services": services, **document}
    return [str(finding) for finding in Snapshot(whole, SCHEMAS).warnings]


def test_an_anonymous_consumer_that_is_there() -> None:
    assert warnings("guest") == []


def test_one_that_is_not_is_warned_of_once_where_it_stands() -> None:
    message = "anonymous_consumer: names no consumer ('guest'): requests without a credential get 401"
    assert warnings("jack") == [f"services[0].plugins.lenient.{message}"]


def test_in_global_rules_too() -> None:
    rules = [{"id": "g", "plugins": {"lenient": {"anonymous_consumer": "nobody"}}}]
    assert len(warnings("guest", global_rules=rules)) == 1
