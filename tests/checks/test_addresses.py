"""Only public addresses are called, and only those that were judged."""

from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from mercato_checks.addresses import AddressCheck, SystemResolver, check_address, judge

PUBLIC = "93.184.216.34"


class Book:
    """A resolver that answers from a page."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        if not self.addresses:
            raise OSError("no such name")
        return self.addresses


async def check(url: str, *addresses: str, allow: str | None = None) -> AddressCheck:
    allowed = (ip_network(allow),) if allow else ()
    return await check_address(url, resolver=Book(*addresses), allowed=allowed)


def code(verdict: AddressCheck) -> str:
    assert verdict.target is None
    return verdict.findings[0].code


async def test_pins_the_public_addresses_of_a_name() -> None:
    verdict = await check("https://api.example.com/v1/", PUBLIC, "2606:2800:220:1:248:1893:25c8:1946")
    assert verdict.findings == []
    assert verdict.target is not None
    assert verdict.target.addresses == (PUBLIC, "2606:2800:220:1:248:1893:25c8:1946")
    assert verdict.target.base == "https://api.example.com:443/v1"


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *(
            "100.64.0.1",
            "192.0.0.1",
            "198.18.0.1",
            "192.0.2.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
        ),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "::7f00:1"),
        *(
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "fec0::1",
        ),
        *("2002:5db8:d822::1", "not an address", ""),
    ],
)
async def test_refuses_an_address_that_is_not_public(address: str) -> None:
    assert judge(address) is not None
    assert code(await check("https://innocent.example", address)) == "address_refused"


async def test_sees_a_mapped_address_as_the_one_it_maps() -> None:
    assert judge(f"::ffff:{PUBLIC}") is None


async def test_calls_a_private_network_that_the_operator_allows() -> None:
    assert (await check("http://127.0.0.1:9000", "127.0.0.1", allow="127.0.0.0/8")).target is not None
    assert (await check("http://10.0.0.1", "10.0.0.1", allow="127.0.0.0/8")).target is None


@pytest.mark.parametrize(
    ("network", "address"),
    [("169.254.0.0/16", "169.254.169.254"), ("fd00::/8", "fd00:ec2::254"), ("0.0.0.0/0", "::ffff:169.254.169.254")],
)
def test_never_calls_what_gives_away_a_machines_credentials(network: str, address: str) -> None:
    assert judge(address, (ip_network(network),)) is not None


async def test_leaves_out_the_private_one_of_two_addresses_and_says_so() -> None:
    verdict = await check("https://both.example", "10.0.0.7", PUBLIC)
    assert verdict.target is not None
    assert verdict.target.addresses == (PUBLIC,)
    assert [(each.code, each.level) for each in verdict.findings] == [("address_refused", "warning")]


@pytest.mark.parametrize(
    "host", ["0x7f.1", "2130706433", "0177.0.0.1", "127.1", "0x7f000001", "127.0.0.01", "1.2.3", "0"]
)
async def test_refuses_a_number_in_disguise(host: str) -> None:
    assert code(await check(f"http://{host}/", PUBLIC)) == "address_disguised"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("ftp://example.com", "address_scheme"),
        ("file:///etc/passwd", "address_scheme"),
        ("https://user:pw@example.com", "address_userinfo"),
        ("https://example.com@10.0.0.1", "address_userinfo"),
        ("https://example.com\\@10.0.0.1", "address_malformed"),
        ("https://exa mple.com", "address_malformed"),
        ("https://example.com\r\nx: y", "address_malformed"),
        ("https://example.com:99999", "address_malformed"),
        ("https://example.com:six", "address_malformed"),
        ("https://", "address_malformed"),
        ("https://[::1", "address_malformed"),
        ("https://a..b", "address_malformed"),
        ("https://example.com/?x=1", "address_malformed"),
        ("https://example.com/#x", "address_malformed"),
        ("https://ex%61mple.com/", "address_malformed"),
        ("https://１２７.0.0.1/", "address_malformed"),
        ("http://example.com:6379", "address_port"),
        ("http://example.com:25", "address_port"),
        ("https://example.com/" + "a" * 3000, "address_malformed"),
    ],
)
async def test_refuses_an_address_that_is_not_a_plain_one(url: str, expected: str) -> None:
    assert code(await check(url, PUBLIC)) == expected


async def test_says_when_a_name_has_no_address() -> None:
    assert code(await check("https://nowhere.example")) == "address_unresolved"


async def test_the_machines_own_resolver_knows_this_machine() -> None:
    assert "127.0.0.1" in await SystemResolver().resolve("localhost", 80)


async def test_the_machines_own_resolver_refuses_what_is_no_name() -> None:
    with pytest.raises(OSError, match="name"):
        await SystemResolver().resolve("a" * 70 + ".example", 80)
