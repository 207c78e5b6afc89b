import copy
from typing import Any

import pytest

from phasegate.sealing import masked, unmasked

STORED = {"name": "n", "plugins": {"x": {"key": "s3cret", "keys": ["a", "b"]}}}
SECRETS: list[Any] = [("plugins", "x", "key"), ("plugins", "x", "keys", 0), ("plugins", "x", "keys", 1)]
MASKED = {"name": "n", "plugins": {"x": {"key": "***", "keys": ["***", "***"]}}}


def test_secrets_are_masked_in_a_copy() -> None:
    before = copy.deepcopy(STORED)
    assert masked(STORED, SECRETS) == MASKED
    assert before == STORED
    assert masked(STORED, []) is STORED


def test_masks_that_come_back_keep_what_is_stored() -> None:
    assert unmasked(MASKED, STORED, SECRETS) == (STORED, [])


def test_a_new_secret_beside_masks_holds() -> None:
    new = {"name": "m", "plugins": {"x": {"key": "new", "keys": ["***", "c"]}}}
    assert unmasked(new, STORED, SECRETS) == (
        {"name": "m", "plugins": {"x": {"key": "new", "keys": ["a", "c"]}}},
        [],
    )


def test_a_value_without_masks_stays_the_same_object() -> None:
    assert unmasked(STORED, None, SECRETS)[0] is STORED


@pytest.mark.parametrize("stored", [None, {}, {"plugins": {"y": {"key": "other"}}}, MASKED])
def test_a_mask_for_nothing_is_refused(stored: Any) -> None:
    _, findings = unmasked({"plugins": {"x": {"key": "***"}}}, stored, SECRETS[:1])
    assert [str(finding) for finding in findings] == [
        "plugins.x.key: is ***, and no secret is stored here: send the secret itself"
    ]


def test_in_a_list_that_grew_a_mask_stands_for_nothing() -> None:
    new = {"plugins": {"x": {"keys": ["new", "***", "***"]}}}
    _, findings = unmasked(new, STORED, [("plugins", "x", "keys", index) for index in range(3)])
    assert [finding.path for finding in findings] == ["plugins.x.keys[1]", "plugins.x.keys[2]"]


def test_a_mask_in_a_field_that_is_no_secret_is_left_alone() -> None:
    assert unmasked({"name": "***"}, STORED, SECRETS) == ({"name": "***"}, [])
