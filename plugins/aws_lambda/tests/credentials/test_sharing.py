"""Providers are shared by equal sources of one gateway, and let go with the last that used them."""

import pytest

from phasegate import Secret
from phasegate.testing import make_services
from phasegate_aws_lambda.credentials import Keys, Role, Source
from phasegate_aws_lambda.sharing import Providers, providers_of

STATIC = Keys("AKIDSTATIC", Secret("s3cret"))


def source(profile: str | None = None, **tags: str) -> Source:
    role = Role(role_arn="arn:aws:iam::123456789012:role/caller", tags=tags, sts_endpoint="http://127.0.0.1:1")
    return Source(static=STATIC, profile=profile, roles=(role,), region="eu-west-1")


async def test_equal_sources_have_one_provider() -> None:
    providers, services = Providers(), make_services()
    first, second = [await providers.take(source(team="a"), services) for _ in range(2)]
    assert first is second
    for other in (source(team="b"), source(profile="p", team="a")):
        assert await providers.take(other, services) is not first
        providers.drop(other)
    for _ in range(2):
        providers.drop(source(team="a"))


async def test_a_provider_goes_with_its_last_user() -> None:
    providers, services = Providers(), make_services()
    for _ in range(2):
        await providers.take(source(), services)
    providers.drop(source())
    assert len(providers) == 1
    providers.drop(source())
    assert len(providers) == 0
    with pytest.raises(KeyError):
        providers.drop(source())


async def test_two_gateways_share_nothing() -> None:
    first, second = make_services(), make_services()
    assert providers_of(first) is providers_of(first)
    assert providers_of(first) is not providers_of(second)
