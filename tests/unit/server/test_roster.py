import asyncio
from typing import Any

import pytest

from phasegate.http.address import parse_networks
from phasegate.limits import Limits
from phasegate.server.roster import Roster

LIMITS = Limits(connections=3, connections_per_address=2, idle_timeout=0.08)


class Member:
    """A connection that is overdue at once, and notes what it is told."""

    def __init__(self, roster: Roster, address: str = "192.0.2.1", *, fails: bool = False) -> None:
        self.address = address
        self.deadline = 0.0
        self.told: list[str] = []
        self.looked_at = asyncio.Event()
        self._roster = roster
        self._fails = fails

    def overdue(self, now: float) -> None:
        self.looked_at.set()
        if self._fails:
            raise RuntimeError("the zoo is on fire")

    def drain(self, deadline: float) -> None:
        self.told.append("drain")

    def abort(self) -> None:
        self.told.append("abort")
        self._roster.remove(self)


async def test_there_are_as_many_connections_as_the_limits_say() -> None:
    roster = Roster(LIMITS)
    members = [Member(roster, f"192.0.2.{number}") for number in range(4)]
    assert [roster.admit(member) for member in members] == [True, True, True, False]
    roster.remove(members[0])
    assert roster.admit(members[3])


async def test_one_address_has_as_many_as_its_limit_and_trusted_proxies_more() -> None:
    roster = Roster(LIMITS, parse_networks(("10.0.0.0/8",)))
    assert [roster.admit(Member(roster)) for _ in range(3)] == [True, True, False]
    roster = Roster(LIMITS, parse_networks(("10.0.0.0/8",)))
    assert [roster.admit(Member(roster, "10.1.2.3")) for _ in range(3)] == [True, True, True]


async def test_a_refusal_is_logged_once_until_there_is_room_again(caplog: pytest.LogCaptureFixture) -> None:
    roster = Roster(LIMITS)
    member = Member(roster)
    for _ in range(2):
        roster.admit(member)
        roster.admit(Member(roster))
        roster.admit(Member(roster))
        roster.admit(Member(roster))
        roster.remove(member)
    assert [record.limit for record in caplog.records] == ["connections_per_address"] * 2  # type: ignore[attr-defined]


async def test_a_connection_that_fails_when_it_is_looked_at_does_not_keep_others_from_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    roster = Roster(LIMITS)
    bad, good = Member(roster, fails=True), Member(roster)
    roster.admit(bad)
    roster.admit(good)
    await asyncio.wait_for(bad.looked_at.wait(), 5)
    await asyncio.wait_for(good.looked_at.wait(), 5)
    assert bad.told == ["abort"]
    assert [record.msg for record in caplog.records] == ["connection failed"]
    await roster.drain(0)


async def test_draining_tells_everybody_and_cuts_who_is_not_done() -> None:
    roster = Roster(LIMITS)
    member = Member(roster)
    roster.admit(member)
    await roster.drain(0.05)
    assert member.told == ["drain", "abort"]
    assert len(roster) == 0


async def test_draining_waits_for_work_whose_client_has_left() -> None:
    roster = Roster(LIMITS)
    work: Any = object()
    roster.working.add(work)
    draining = asyncio.create_task(roster.drain(30))
    await asyncio.sleep(0.05)
    assert not draining.done()
    roster.work_ended(work)
    await asyncio.wait_for(draining, 5)
