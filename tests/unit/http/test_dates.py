from email.utils import parsedate_to_datetime

from phasegate.http.dates import http_date


def test_the_date_is_an_imf_fixdate() -> None:
    text = http_date().decode()
    assert text.endswith(" GMT")
    assert len(text) == 29
    assert parsedate_to_datetime(text).utcoffset() is not None
