import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from phasegate.references import Reach, References, Use
from tests.fake_vault import TOKEN, FakeVault


class Clock:
    """The time as a test says."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def references(tmp_path: Path, clock: Clock) -> AsyncIterator[References]:
    reach = Reach(file_roots=(tmp_path,), folder=tmp_path)
    environ = {"PHASEGATE_A": "s3cret", "PHASEGATE_TOKEN": TOKEN}
    made = References(reach, environ, timeout=5, clock=clock)
    yield made
    await made.close()


def managers(vault: FakeVault, **other: Any) -> dict[str, dict[str, Any]]:
    stamps = {"id": "vault/1", "create_time": 1, "update_time": 2}
    return {"vault/1": {"uri": vault.url, "prefix": "kv/gateway", "token": TOKEN, **stamps, **other}}


def uses(*texts: str) -> list[Use]:
    return [Use(f"routes/1.place[{index}]", text) for index, text in enumerate(texts)]


async def told(references: References, text: str, managers: dict[str, dict[str, Any]]) -> str:
    table, findings = await references.table(uses(text), managers)
    assert table == {}
    assert len(findings) == 1
    return str(findings[0])


async def test_every_form_is_resolved(references: References, vault: FakeVault, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from a file\n")
    vault.secrets["kv/gateway/jack"] = {"auth-key": "from vault"}
    wanted = uses("$env://PHASEGATE_A", "$file://key", "$secret://vault/1/jack/auth-key")
    table, findings = await references.table(wanted, managers(vault))
    assert findings == []
    assert list(table.values()) == ["s3cret", "from a file", "from vault"]


async def test_every_place_of_a_bad_reference_is_told(references: References) -> None:
    table, findings = await references.table(
        uses("$env://HOME", "$env://PHASEGATE_A", "$env://HOME", "$secret://vault/9/jack/key"), {}
    )
    assert table == {"$env://PHASEGATE_A": "s3cret"}
    assert [str(finding).partition(": ")[0] for finding in findings] == [
        "routes/1.place[0]",
        "routes/1.place[2]",
        "routes/1.place[3]",
    ]
    assert findings[2].message == (
        "reference $secret://vault/9/jack/key names a manager that is not there: write secrets/vault/9; known: none"
    )


async def test_keys_of_one_secret_are_read_together(references: References, vault: FakeVault) -> None:
    vault.secrets["kv/gateway/jack"] = {"a": "1", "b": 2}
    wanted = uses("$secret://vault/1/jack/a", "$secret://vault/1/jack/b")
    table, _ = await references.table(wanted, managers(vault))
    assert list(table.values()) == ["1", "2"]
    assert len(vault.asked) == 1


async def test_a_rotated_secret_shows_after_its_time(references: References, vault: FakeVault, clock: Clock) -> None:
    text = "$secret://vault/1/jack/key"
    vault.secrets["kv/gateway/jack"] = {"key": "old"}
    await references.table(uses(text), managers(vault))
    vault.secrets["kv/gateway/jack"] = {"key": "new"}
    assert (await references.table(uses(text), managers(vault)))[0] == {text: "old"}
    clock.now = 60
    assert (await references.table(uses(text), managers(vault)))[0] == {text: "new"}


async def test_a_vault_that_fails_later_costs_nothing_but_a_line(
    references: References, vault: FakeVault, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    text = "$secret://vault/1/jack/key"
    vault.secrets["kv/gateway/jack"] = {"key": "s3cret"}
    await references.table(uses(text), managers(vault))
    vault.status = 503
    for clock.now in (60, 80):
        assert await references.table(uses(text), managers(vault)) == ({text: "s3cret"}, [])
    assert [vars(record).get("reference") for record in caplog.records] == ["$secret://vault/1/jack"]
    assert "s3cret" not in caplog.text


async def test_a_changed_manager_is_asked_at_once(references: References, vault: FakeVault) -> None:
    vault.secrets |= {"kv/gateway/jack": {"key": "old"}, "kv/other/jack": {"key": "new"}}
    text = "$secret://vault/1/jack/key"
    await references.table(uses(text), managers(vault))
    assert (await references.table(uses(text), managers(vault, prefix="kv/other")))[0] == {text: "new"}


async def test_a_manager_s_own_token_may_come_from_the_environment(references: References, vault: FakeVault) -> None:
    vault.secrets["kv/gateway/jack"] = {"key": "v"}
    text = "$secret://vault/1/jack/key"
    table, findings = await references.table(uses(text), managers(vault, token="$env://PHASEGATE_TOKEN"))
    assert (table, findings) == ({text: "v"}, [])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            {"token": "$secret://vault/1/a/b"},
            "secrets/vault/1 holds $secret://vault/1/a/b, which leads to a manager again: use",
        ),
        (
            {"token": "$env://HOME"},
            "secrets/vault/1 holds $env://HOME, which names a variable that no reference may read",
        ),
        ({"prefix": "../sys"}, "secrets/vault/1 is not valid: prefix: must be the path of a KV engine"),
        ({"token": ""}, "secrets/vault/1 is not valid: token: must not be empty"),
    ],
)
async def test_a_manager_that_can_not_be_used(
    references: References, vault: FakeVault, other: dict[str, Any], message: str
) -> None:
    finding = await told(references, "$secret://vault/1/jack/key", managers(vault, **other))
    assert finding.startswith("routes/1.place[0]: reference $secret://vault/1/jack/key ")
    assert message in finding
    assert vault.asked == []


async def test_a_key_that_a_secret_lacks(references: References, vault: FakeVault) -> None:
    vault.secrets["kv/gateway/jack"] = {"other": "s3cret"}
    finding = await told(references, "$secret://vault/1/jack/key", managers(vault))
    assert finding.endswith("asks for the key 'key', which is not there")


async def test_many_are_resolved_at_the_same_time(references: References, vault: FakeVault) -> None:
    vault.secrets = {f"kv/gateway/n{index}": {"key": str(index)} for index in range(100)}
    wanted = uses(*(f"$secret://vault/1/n{index}/key" for index in range(100)))
    table, findings = await asyncio.wait_for(references.table(wanted, managers(vault)), 10)
    assert findings == []
    assert list(table.values()) == [str(index) for index in range(100)]


async def test_a_finding_is_one_line_of_bounded_length(references: References) -> None:
    finding = await told(references, "$env://A\n" + "x" * 5000, {})
    assert finding.startswith("routes/1.place[0]: reference $env://A?xxx")
    assert len(finding) < 400
    assert finding.isprintable()
