"""Keys looked for as a doctor would: where they were found, how long they hold, who they are. All of this blocks.

It imports botocore, so whoever needs it imports it in the thread that runs it.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import (
    ConnectionError as Unconnected,
)

from phasegate import Diagnosis

from .chain import NOTHING, identity_of, load, machine_region
from .credentials import Keys, Source

_ABOUT = "credentials"
_SOON_SECONDS = 300


class Found(NamedTuple):
    """What came of looking for keys, and the region that this machine is in by its own settings."""

    diagnosis: Diagnosis
    keys: Keys | None
    machine_region: str | None


def look(source: Source) -> Found:
    """Look for the keys of a source, whatever that takes."""
    if source.static is not None and not source.roles:
        return Found(_told(source.static, source), source.static, _machine_region(source))
    try:
        keys = load(source)
    except Exception as error:  # noqa: BLE001 (of botocore, of the system, of whatever a source sends)
        why, remedy = _failure(error, source)
        return Found(Diagnosis(_ABOUT, f"none from {source}: {why}", "error", remedy), None, None)
    return Found(_told(keys, source), keys, _machine_region(source))


def identity(keys: Keys, source: Source) -> Diagnosis:
    """Ask STS whose the keys are, for which nobody needs a permission."""
    try:
        return Diagnosis("identity", identity_of(keys, source))
    except ClientError as error:
        return Diagnosis("identity", f"AWS refuses the keys: {error}", "error", "give keys that AWS knows")
    except Exception as error:  # noqa: BLE001 (as above)
        return Diagnosis("identity", f"STS can't be asked: {error}", "note")


def shortened(access_key: str) -> str:
    """Return as much of an access key's id as tells it from others."""
    return f"{access_key[:4]}...{access_key[-4:]}"


def _told(keys: Keys, source: Source) -> Diagnosis:
    words = f"{shortened(keys.access_key)}, {_origin(keys, source)}"
    if keys.expires is None:
        if source.static is not None and not source.roles and keys.session_token is not None:
            remedy = "leave accesskey, secretkey and session_token out, so that keys are found and renewed"
            return Diagnosis(_ABOUT, f"{words}: temporary ones, which nothing renews", "warning", remedy)
        return Diagnosis(_ABOUT, f"{words}, which do not expire")
    left = keys.expires - time.time()
    if left <= 0:
        remedy = "renew them where they come from; if they are good, this machine's clock is ahead"
        return Diagnosis(_ABOUT, f"{words}: they have expired", "error", remedy)
    if left < _SOON_SECONDS:
        remedy = "see that what provides them renews them in time"
        return Diagnosis(_ABOUT, f"{words}: they hold for {left:.0f} s more", "warning", remedy)
    return Diagnosis(_ABOUT, f"{words}, for {_duration(left)} more")


def _origin(keys: Keys, source: Source) -> str:
    first = f"from {keys.found_by}"
    if source.profile is not None:
        first += f", profile {source.profile!r}"
    return f"of role {source.roles[-1].role_arn}, with keys {first}" if source.roles else first


def _machine_region(source: Source) -> str | None:
    try:
        return machine_region(source)
    except BotoCoreError:
        return None


def _failure(error: Exception, source: Source) -> tuple[str, str]:
    """Return what went wrong and what to do; of the commonest error the message has both."""
    text = str(error) or type(error).__name__
    if text == NOTHING:
        why, _, remedy = text.partition(": ")
        return why, remedy
    return text, _remedy(error, source)


def _remedy(error: Exception, source: Source) -> str:
    if isinstance(error, ClientError) and source.roles:
        arns = ", ".join(role.role_arn for role in source.roles)
        return f"allow sts:AssumeRole on {arns} to the keys before it, in the role's trust policy too (external_id)"
    if isinstance(error, ProfileNotFound):
        return "write the profile into ~/.aws/config of the user that the gateway runs as, or mend its name"
    if isinstance(error, (SSOError, TokenRetrievalError)):
        return "sign in again: aws sso login"
    if isinstance(error, (Unconnected, HTTPClientError)):
        return "open the way to what provides the keys: STS, or the metadata of the instance or container"
    return "give the gateway's process keys of one of the places that the documentation lists"


def _duration(seconds: float) -> str:
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
