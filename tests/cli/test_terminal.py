"""What a person sees on a terminal: prompts that say the rules, tables that fit, no colours where none are wanted."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import pytest

from tests.cli.conftest import Mp, Shop
from tests.support.http_server import serve_bytes
from tests.support.running import BIN
from tests.support.terminal import run_in_terminal

_WORDS = "Turns sentences of a hundred languages into vectors of 384 numbers for search and clustering."
_KEYS = {
    "next": None,
    "items": [
        {
            "id": f"key_01a22482794d7136ac1cebb97f8cd53{number}", "kind": "ck", "name": _WORDS, "scopes": ["call"],
            "created_at": "2026-11-02T09:00:00Z", "expires_at": None, "revoked_at": None, "rotated_to": None,
        }
        for number in range(3)
    ],
}  # fmt: skip
_TOKEN = "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"


@pytest.fixture
def market() -> Iterator[str]:
    """A marketplace that lists three keys."""
    body = json.dumps(_KEYS).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    with serve_bytes(lambda number, line: [head + body]) as server:
        yield server.url


def _at(market: str) -> dict[str, str]:
    return {"MERCATO_URL": market, "MERCATO_TOKEN": _TOKEN}


def _see(
    mp: Mp,
    *words: str,
    columns: int = 80,
    typed: str = "",
    colours: bool = False,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> tuple[int, str]:
    environment = {**mp.environment, "TERM": "xterm-256color", **variables}
    return run_in_terminal(
        [str(BIN / "mp"), *words], environment, mp.config, columns=columns, typed=typed, with_colours=colours
    )


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_table_fits_and_its_ids_can_be_given_back(mp: Mp, market: str, columns: int) -> None:
    code, screen = _see(mp, "keys", "list", columns=columns, variables=_at(market))
    assert code == 0
    assert all(len(line) <= columns for line in screen.splitlines()), screen
    assert "key_…7f8cd530" in screen
    assert "numbers" in screen.split()


@pytest.mark.parametrize(
    ("more", "is_bold"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)]
)
def test_the_header_is_bold_unless_no_colours_are_wanted(
    mp: Mp, market: str, more: dict[str, str], is_bold: bool
) -> None:
    _, screen = _see(mp, "keys", "list", colours=True, variables=_at(market) | more)
    assert ("\x1b[1m" in screen) is is_bold
    assert is_bold or "\x1b" not in screen


def test_the_rule_stands_in_the_prompt_and_holds_before_the_second_typing(mp: Mp, shop: Shop) -> None:
    words = ("signup", "terminal-lab", "--email", "ada@terminal.example", "--url", shop.url)
    typed = "short\ncorrect horse battery\nanother horse battery\ncorrect horse battery\ncorrect horse battery\n"
    code, screen = _see(mp, *words, typed=typed)
    assert code == 0, screen
    lines = [line.strip() for line in screen.splitlines() if line.strip()]
    assert lines[0] == "Password (12 to 200 characters):"
    assert lines[1] == "The password has 5 characters; 12 to 200 characters are needed."
    assert lines[2:4] == ["Password (12 to 200 characters):", "The same again:"]
    assert lines[4] == "The two are not the same."
    assert "horse" not in screen


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("signup", "lab", "--email", "ada@lab.example", "--url", "http://127.0.0.1:9"), "cannot be reached"),
        (("login", "--email", "ada@lab.example", "--url", "http://127.0.0.1:9"), "cannot be reached"),
        (("signup", "Lab_", "--email", "ada@lab.example"), "organisation: must be lower-case letters"),
        (("signup", "lab", "--email", "nobody"), "email: must be an e-mail address"),
    ],
)
def test_everything_else_is_checked_before_a_password_is_asked_for(mp: Mp, words: tuple[str, ...], said: str) -> None:
    code, screen = _see(mp, *words)
    assert code in (2, 4)
    assert said in screen
    assert "Password" not in screen


def test_a_password_that_is_piped_in_meets_the_rule_too(mp: Mp, shop: Shop) -> None:
    done = mp("signup", "piped-lab", "--email", "ada@piped.example", "--url", shop.url, stdin="short\n")
    assert done.returncode == 2
    assert "12 to 200 characters" in done.stderr


def test_two_commands_of_a_script_read_a_line_each(mp: Mp, shop: Shop) -> None:
    script = (
        f"mp login --url {shop.url} --email admin@localhost --profile one\n"
        f"mp login --url {shop.url} --token - --profile two\n"
    )
    done = subprocess.run(
        ["bash", "-eu", "-c", script], input=f"{shop.operator_password}\n{shop.consumer_key}\n", text=True,
        env=mp.environment | {"PATH": f"{BIN}:/usr/bin:/bin"}, capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_marketplace_names_its_gateway(mp: Mp, shop: Shop) -> None:
    """This marketplace's gateway is not at the usual port, and nobody says so to `mp`."""
    assert mp("login", "--url", shop.url, "--token", "-", stdin=shop.consumer_key).returncode == 0
    assert mp.json("whoami")["gateway"] == shop.gateway
    assert json.loads(mp.file.read_text())["profiles"]["default"]["gateway"] == shop.gateway
    done = mp("whoami", "--json", MERCATO_URL=shop.url, MERCATO_TOKEN=shop.consumer_key)
    assert json.loads(done.stdout)["gateway"] == shop.gateway
