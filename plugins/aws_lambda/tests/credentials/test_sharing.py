"""What a source of keys is shared by: whatever makes other keys of it."""

import pytest

from phasegate import Secret
from phasegate_aws_lambda.credentials import Keys, Role, Source

STATIC = Keys("AKIDSTATIC", Secret("s3cret"))


def source(profile: str | None = None, **tags: str) -> Source:
    role = Role(role_arn="arn:aws:iam::123456789012:role/caller", tags=tags, sts_endpoint="http://127.0.0.1:1")
    return Source(static=STATIC, profile=profile, roles=(role,), region="eu-west-1")


def test_equal_sources_are_one() -> None:
    assert len({source(team="a"), source(team="a")}) == 1


@pytest.mark.parametrize("other", [source(team="b"), source(profile="p", team="a")])
def test_other_roles_and_profiles_are_another(other: Source) -> None:
    assert other != source(team="a")
