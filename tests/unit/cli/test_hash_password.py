import pytest
from click.testing import CliRunner

from phasegate import check_password
from phasegate.cli.hash_password import hash_command
from phasegate.errors import CommandError


def test_what_is_piped_in_becomes_a_hash() -> None:
    result = CliRunner().invoke(hash_command, input="p\u00e4ss: word\r\nsecond line\n")
    assert result.exit_code == 0
    assert check_password(result.output.strip(), "p\u00e4ss: word")


@pytest.mark.parametrize("given", ["", "\n", "$argon2id$v=19$x\n", "x" * 1025 + "\n"])
def test_what_is_no_password_is_refused_and_not_shown(given: str) -> None:
    result = CliRunner().invoke(hash_command, input=given)
    assert isinstance(result.exception, CommandError)
    assert "xxx" not in str(result.exception)
