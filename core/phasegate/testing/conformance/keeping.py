"""Whose credentials reach the function, and that nobody else sees ours."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest

from ..builders import make_plugin
from ..fixtures import GatewayMaker
from ..upstream import FakeUpstream, Reply
from .client import ask
from .vendor import Answered, Vendor

_THEIRS = "Bearer theirs-not-ours"


class Keeping(Vendor):
    """Our credentials go to the function alone, and a client's own of that name do not."""

    async def test_the_clients_own_credentials_do_not_arrive(
        self, start_gateway: GatewayMaker, upstream: FakeUpstream
    ) -> None:
        """What the client sends in the fields of our credentials is not what the function reads there."""
        gateway = await self.started(start_gateway, upstream)
        theirs = [(name, _THEIRS) for name in self.credential_fields]
        await ask(f"{gateway.url}{self.route_prefix}", headers=theirs)
        sent = upstream.received[0].headers
        for name in self.credential_fields:
            values = [value for other, value in sent if other == name]
            assert len(values) == 1, name
            assert _THEIRS not in values, name

    async def test_the_clients_own_parameters_do_not_arrive(
        self, start_gateway: GatewayMaker, upstream: FakeUpstream
    ) -> None:
        """What the client sends in the parameters of our credentials, escaped too, is not what the function reads there."""
        gateway = await self.started(start_gateway, upstream)
        names = [spelt for name in self.credential_parameters for spelt in (name, f"%{ord(name[0]):02X}{name[1:]}")]
        theirs = "&".join(f"{name}=theirs" for name in names)
        await ask(f"{gateway.url}{self.route_prefix}?{theirs}")
        sent = parse_qs(upstream.received[0].target.partition("?")[2], keep_blank_values=True)
        for name in self.credential_parameters:
            assert len(sent.get(name, [])) == 1, name
            assert "theirs" not in sent[name], name

    async def test_no_log_and_no_answer_shows_our_credentials(
        self, start_gateway: GatewayMaker, upstream: FakeUpstream, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Not when the function answers, not when it fails, and not at the most talkative level."""
        caplog.set_level(logging.DEBUG)
        upstream.reply(
            self.reply(Answered(headers=[("content-type", "text/plain")], body=b"x")),
            Reply(raw=b"", close=True),
            Reply(raw=b"garbage\r\n\r\n", close=True),
            Reply(status=500, body=b"its own"),
            Reply(status=403, body=b"its own"),
        )
        gateway = await self.started(start_gateway, upstream)
        answers = [await ask(f"{gateway.url}{self.route_prefix}", "POST", body=b"{}") for _ in range(5)]
        shown = "".join([*_told(caplog.records), *(f"{answer.headers}{answer.body!r}" for answer in answers)])
        assert [secret for secret in self.secrets if secret in shown] == []

    async def test_the_configuration_shows_no_credentials(self) -> None:
        """Neither a plugin's repr nor what `check` finds holds a secret."""
        plugin = make_plugin(self.plugin, self.config("http://127.0.0.1:1"))
        shown = f"{plugin!r}{list(plugin.check())}{plugin.destination()}"
        assert [secret for secret in self.secrets if secret in shown] == []


def _told(records: list[logging.LogRecord]) -> Iterator[str]:
    for record in records:
        yield record.getMessage()
        yield str(vars(record))
