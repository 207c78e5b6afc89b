import tracemalloc

import pytest

from phasegate import Headers
from phasegate.http.address import parse_networks
from phasegate.http.headers import RawHeaders
from phasegate.http.hygiene import (
    EXPLAIN,
    IDENTITY,
    ExplanationAsked,
    client_address,
    end_to_end_request,
    received_fields,
    without_hop_by_hop,
)
from phasegate.testing import make_request


def sent(**headers: str) -> dict[str, str]:
    request = make_request(headers={name.replace("_", "-"): value for name, value in headers.items()})
    return dict(Headers.from_raw(end_to_end_request(request)))


def test_hop_by_hop_fields_do_not_pass() -> None:
    fields = Headers(
        {
            "connection": "close, X-Private",
            "keep-alive": "5",
            "proxy-connection": "x",
            "upgrade": "h2c",
            "trailer": "x",
            "transfer-encoding": "chunked",
            "proxy-authorization": "x",
            "x-private": "1",
            "x-public": "2",
        }
    )
    assert without_hop_by_hop(fields.raw) == [(b"x-public", b"2")]


def received(**headers: str) -> list[tuple[str, str]]:
    return list(Headers.from_raw(received_fields(Headers({k.replace("__", "-"): v for k, v in headers.items()}).raw)))


def test_te_passes_for_trailers_alone() -> None:
    assert received(te="gzip, trailers") == [("te", "trailers")]
    assert received(te="gzip") == []


def test_identity_headers_are_taken_out_in_either_spelling() -> None:
    raw = [(name, b"root") for name in IDENTITY]
    spoofed = [(name.replace(b"-", b"_"), b"root") for name in IDENTITY] + [(b"x-consumer_username", b"root")]
    assert received_fields([*raw, *spoofed, (b"x_custom", b"kept")]) == [(b"x_custom", b"kept")]


def test_a_request_that_asks_to_be_explained_says_so_and_is_taken_in_without_that_field() -> None:
    raw = [(b"connection", b"close"), (EXPLAIN, b"t" * 64), (b"x", b"1"), (b"x-consumer-id", b"root")]
    with pytest.raises(ExplanationAsked) as raised:
        received_fields(raw)
    assert raised.value.token == b"t" * 64
    assert received_fields(raised.value.fields) == [(b"x", b"1")]


@pytest.mark.parametrize(
    "fields",
    [
        [(EXPLAIN, b"")],
        [(EXPLAIN, b"t" * 31)],
        [(EXPLAIN, b"t" * 129)],
        [(EXPLAIN, b"t" * 64), (EXPLAIN, b"t" * 64)],
        [(EXPLAIN, b"t" * 64), (b"connection", b"x-phasegate-explain")],
        [(b"x_phasegate_explain", b"t" * 64)],
    ],
)
def test_what_can_be_no_token_is_taken_out_and_no_more(fields: RawHeaders) -> None:
    assert received_fields([*fields, (b"x", b"1")]) == [(b"x", b"1")]


@pytest.mark.parametrize(
    "name",
    [
        "x_forwarded_for",
        "x__forwarded_proto",
        "x_real_ip",
        "transfer_encoding",
        "content_length",
        "proxy_authorization",
    ],
)
def test_underscore_spellings_of_what_upstreams_believe_are_taken_out(name: str) -> None:
    assert received(**{name: "1"}) == []


@pytest.mark.parametrize(
    "name",
    ["host", "content-length", "expect", "x-forwarded-for", "x-forwarded-proto", "forwarded", "x-real-ip", "via"],
)
def test_connection_takes_out_nothing_that_addresses_or_forwards_a_message(name: str) -> None:
    assert received(connection=f"close, {name}", **{name.replace("-", "__"): "1"}) == [(name, "1")]


def test_what_connection_names_is_taken_out_before_anybody_adds_a_field() -> None:
    request = make_request()
    request.headers = Headers.from_raw(
        received_fields([(b"connection", b"close, x-consumer-username, x-mine"), (b"x-mine", b"1"), (b"x", b"2")])
    )
    request.headers["x-consumer-username"] = "jack"
    fields = dict(Headers.from_raw(end_to_end_request(request)))
    assert (fields["x"], fields["x-consumer-username"]) == ("2", "jack")
    assert "x-mine" not in fields


def test_what_plugins_set_of_the_connection_does_not_pass_either() -> None:
    assert not {"connection", "transfer-encoding"} & sent(connection="x", transfer_encoding="chunked").keys()


def test_forwarding_fields_of_an_untrusted_client_are_replaced() -> None:
    fields = sent(
        x_forwarded_for="203.0.113.9",
        x_forwarded_proto="https",
        x_forwarded_user="root",
        forwarded="for=x",
        x_real_ip="1",
    )
    assert fields["x-forwarded-for"] == "192.0.2.1"
    assert fields["x-forwarded-proto"] == "http"
    assert fields["x-forwarded-host"] == "gateway.test"
    assert fields["x-forwarded-port"] == "80"
    assert not {"x-forwarded-user", "forwarded", "x-real-ip"} & fields.keys()


def test_forwarding_fields_of_a_trusted_proxy_are_continued() -> None:
    request = make_request(headers={"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"})
    request.peer_trusted = True
    fields = dict(Headers.from_raw(end_to_end_request(request)))
    assert fields["x-forwarded-for"] == "203.0.113.9, 192.0.2.1"
    assert fields["x-forwarded-proto"] == "https"


def test_via_names_the_gateway_after_those_before_it() -> None:
    assert sent(via="1.0 cache")["via"] == "1.0 cache, 1.1 phasegate"


def test_fields_that_the_sender_writes_anew_are_left_out() -> None:
    assert not {"host", "content-length", "expect"} & sent(content_length="5", expect="100-continue").keys()


def test_nobody_is_believed_by_default() -> None:
    headers = Headers({"x-forwarded-for": "203.0.113.9"})
    assert client_address(headers, "192.0.2.1", ()) == ("192.0.2.1", False)


def test_behind_trusted_proxies_the_last_stranger_is_the_client() -> None:
    trusted = parse_networks(("10.0.0.0/8",))
    headers = Headers([("x-forwarded-for", "198.51.100.1, 203.0.113.9"), ("x-forwarded-for", "10.0.0.2")])
    assert client_address(headers, "10.0.0.1", trusted) == ("203.0.113.9", True)


def test_a_chain_of_trusted_proxies_alone_leads_to_its_first() -> None:
    headers = Headers({"x-forwarded-for": "10.0.0.9, 10.0.0.8"})
    assert client_address(headers, "10.0.0.1", parse_networks(("10.0.0.0/8",))) == ("10.0.0.9", True)


def test_a_trusted_proxy_that_forwards_garbage_is_the_client_itself() -> None:
    headers = Headers({"x-forwarded-for": "203.0.113.9, unknown"})
    assert client_address(headers, "10.0.0.1", parse_networks(("10.0.0.0/8",))) == ("10.0.0.1", True)


def test_names_that_clients_make_up_fill_no_memory() -> None:
    tracemalloc.start()
    try:
        for index in range(200):
            sent(**{f"x{index}" + "y" * 30_000: "1"})
        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()
