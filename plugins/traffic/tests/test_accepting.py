import pytest

from phasegate_traffic.accepting import weights


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], {}),
        ([""], {}),
        (["gzip"], {"gzip": 1}),
        (["GZip, br"], {"gzip": 1, "br": 1}),
        (["gzip", "br"], {"gzip": 1, "br": 1}),
        (["gzip;q=0.5 , br ; Q=0.25"], {"gzip": 0.5, "br": 0.25}),
        (["gzip;q=0"], {"gzip": 0}),
        (["gzip;q=0.000, *;q=1.000"], {"gzip": 0, "*": 1}),
        (["gzip;q=2"], {}),
        (["gzip;q=-1"], {}),
        (["gzip;q=nan"], {}),
        (["gzip;q=0.1234"], {}),
        (["gzip;level=1"], {}),
        (["a b, br"], {"br": 1}),
        ([",".join(f"x{n}" for n in range(1000)) + ",gzip"], {f"x{n}": 1 for n in range(32)}),
    ],
)
def test_each_coding_has_its_weight(values: list[str], found: dict[str, float]) -> None:
    assert weights(values) == found
