from phasegate.admin.attempts import Attempts
from phasegate.testing import FixedClock


def failed(attempts: Attempts, address: str, times: int = 10) -> None:
    for _ in range(times):
        attempts.failed(address)


def test_the_tenth_failure_in_a_minute_makes_wait() -> None:
    attempts = Attempts(FixedClock().monotonic)
    failed(attempts, "192.0.2.1", 9)
    assert attempts.wait_seconds("192.0.2.1") == 0
    failed(attempts, "192.0.2.1", 1)
    assert attempts.wait_seconds("192.0.2.1") == 60
    assert attempts.wait_seconds("192.0.2.2") == 0


def test_the_wait_ends_when_the_oldest_failure_is_a_minute_old() -> None:
    clock = FixedClock()
    attempts = Attempts(clock.monotonic)
    attempts.failed("192.0.2.1")
    clock.advance(30)
    failed(attempts, "192.0.2.1", 9)
    assert attempts.wait_seconds("192.0.2.1") == 30
    clock.advance(30)
    assert attempts.wait_seconds("192.0.2.1") == 0


def test_an_ipv6_network_is_one_caller() -> None:
    attempts = Attempts(FixedClock().monotonic)
    for number in range(10):
        attempts.failed(f"2001:db8::{number:x}")
    assert attempts.wait_seconds("2001:db8::ffff") == 60
    assert attempts.wait_seconds("2001:db8:0:1::1") == 0


def test_a_mapped_address_is_the_ipv4_address() -> None:
    attempts = Attempts(FixedClock().monotonic)
    failed(attempts, "::ffff:192.0.2.1")
    assert attempts.wait_seconds("192.0.2.1") == 60


def test_the_addresses_that_failed_last_are_remembered() -> None:
    attempts = Attempts(FixedClock().monotonic)
    failed(attempts, "192.0.2.1")
    for number in range(4096):
        attempts.failed(f"10.0.{number // 256}.{number % 256}")
    assert attempts.wait_seconds("192.0.2.1") == 0
    assert len(attempts._failures) == 4096
