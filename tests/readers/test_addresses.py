"""One spelling of addresses and states, whatever tool printed them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fdtrace.readers import addresses


@pytest.mark.parametrize(
    ("printed", "text", "addr", "port", "six"),
    [
        ("127.0.0.1:80", "127.0.0.1:80", "127.0.0.1", 80, False),
        ("0.0.0.0:*", "*:*", "*", None, False),
        ("*:80", "*:80", "*", 80, False),
        ("[::]:443", "*:443", "*", 443, True),
        (":::22", "*:22", "*", 22, True),
        (":::*", "*:*", "*", None, True),
        ("::1:631", "[::1]:631", "::1", 631, True),
        ("[::1]:631", "[::1]:631", "::1", 631, True),
        ("[::ffff:10.0.0.1]:80", "10.0.0.1:80", "10.0.0.1", 80, True),
        ("::ffff:10.0.0.1:80", "10.0.0.1:80", "10.0.0.1", 80, True),
        ("127.0.0.53%lo:53", "127.0.0.53:53", "127.0.0.53", 53, False),
        ("[fe80::1]%eth0:546", "[fe80::1]:546", "fe80::1", 546, True),
        ("[FE80::0:1]:546", "[fe80::1]:546", "fe80::1", 546, True),
        ("localhost:http", "localhost:http", "localhost", None, False),
        ("10.0.0.1:70000", "10.0.0.1:70000", "10.0.0.1", None, False),
    ],
)
def test_an_endpoint_has_one_spelling(
    printed: str, text: str, addr: str, port: int | None, six: bool
) -> None:
    assert addresses.located(printed) == (text, addr, port, six)


def test_endpoints_already_in_that_spelling_stay() -> None:
    for text in ("127.0.0.1:80", "[::1]:22", "*:443", "*:*", "localhost:http"):
        assert addresses.endpoint(*addresses.split(text)) == text


@pytest.mark.parametrize(
    ("printed", "parts"),
    [
        ("192.168.1.5.52345", ("192.168.1.5", "52345")),
        ("*.*", ("*", "*")),
        ("fe80::1%lo0.123", ("fe80::1%lo0", "123")),
    ],
)
def test_ports_behind_a_dot(printed: str, parts: tuple[str, str]) -> None:
    assert addresses.split_dotted(printed) == parts


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ("ESTAB", "ESTABLISHED"),
        ("FIN-WAIT-1", "FIN_WAIT1"),
        ("FIN_WAIT_2", "FIN_WAIT2"),
        ("SYN_RCVD", "SYN_RECV"),
        ("UNCONN", "CLOSE"),
        ("CLOSED", "CLOSE"),
        ("LISTENING", "LISTEN"),
        ("CONNECTED", "ESTABLISHED"),
        ("close-wait", "CLOSE_WAIT"),
        ("VERBUNDEN", "ESTABLISHED"),
        ("POSLEDNÍ ACK", "LAST_ACK"),
        ("已连接", "ESTABLISHED"),
        ("OUÇA", "LISTEN"),
        ("TIME_WAIT", "TIME_WAIT"),
    ],
)
def test_a_state_has_one_name(printed: str, name: str) -> None:
    assert addresses.state(printed) == name


def test_every_translation_leads_to_a_linux_name() -> None:
    assert {*addresses.STATES.values(), *addresses.TRANSLATED.values()} <= addresses.NAMES


@given(st.text())
def test_no_text_raises(text: str) -> None:
    assert isinstance(addresses.located(text).text, str)
    assert isinstance(addresses.state(text), str)
