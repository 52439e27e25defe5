"""What every command keeps: it starts light, and whatever a server says it ends with one line and a code."""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable

import click
import pytest

from mercato_cli.main import main
from mercato_cli.remedies import CALL_REMEDIES, REMEDIES
from mercato_cli.sections import SectionedGroup
from tests.cli.conftest import Mp
from tests.support.http_server import serve_bytes
from tests.support.running import BIN

_KEY = "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"


def _commands(group: click.Group, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        inner = isinstance(command, click.Group)
        found += _commands(command, (*before, name)) if inner else [(*before, name)]  # type: ignore[arg-type]
    return found


COMMANDS = _commands(main)


def command_of(words: tuple[str, ...]) -> click.Command:
    """The command of this name."""
    command: click.Command = main
    for word in words:
        assert isinstance(command, click.Group)
        command = command.commands[word]
    return command


def test_help_imports_neither_the_network_nor_the_wire_types() -> None:
    code = (
        "import sys\nfrom mercato_cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'httpx', 'pydantic', 'yaml', 'anyio', 'ssl', 'asyncio'} & set(sys.modules)\n"
        "print('\\n', sorted(heavy), len(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy, _, count = done.stdout.splitlines()[-1].strip().rpartition(" ")
    assert heavy == "[]"
    assert int(count) < 250, "each module costs start-up time; the bar is 300 ms"


def test_the_help_lists_every_command_under_one_heading() -> None:
    assert isinstance(main, SectionedGroup)
    assert list(main.sections) == ["Account", "Vendor", "Consumer", "Desk", "Operator"]
    listed = [name for names in main.sections.values() for name in names]
    assert sorted(listed) == sorted(main.commands)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_and_speaks_json(words: tuple[str, ...]) -> None:
    command = command_of(words)
    assert command.help
    assert {"as_json", "profile", "timeout"} <= {option.name for option in command.params}
    assert all(option.help for option in command.params if isinstance(option, click.Option))


def _http(status: str, body: bytes, media_type: str = "application/json") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (_http("200 OK", b"<html>hello</html>", "text/html"), "does not understand"),
        (_http("200 OK", b'{"organisation": 7}'), "does not understand"),
        (_http("500 Internal Server Error", b"oops", "text/plain"), "answered 500"),
        (_http("302 Found\r\nlocation: http://127.0.0.1:9/", b""), "answered 302"),
        (_http("404 Not Found", b"[1, 2]"), "answered 404"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", "ended its response early"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "ended its response early"),
        (b"", "ended its response early"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nnope", "mp:"),
    ],
)
def test_a_server_that_is_no_marketplace_is_one_line_and_code_4(mp: Mp, answer: bytes, said: str) -> None:
    with serve_bytes(lambda number, line: [answer]) as server:
        done = mp("whoami", MERCATO_TOKEN=_KEY, MERCATO_URL=server.url)
    assert done.returncode == 4, done.stderr
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def _slow(never: threading.Event) -> Callable[[int, str], list[bytes | threading.Event]]:
    return lambda number, line: [b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", never]


def test_a_server_that_never_ends_is_left_after_the_timeout(mp: Mp) -> None:
    never = threading.Event()
    with serve_bytes(_slow(never)) as server:
        done = mp("whoami", "--timeout", "0.5", MERCATO_TOKEN=_KEY, MERCATO_URL=server.url)
        never.set()
    assert done.returncode == 4
    assert "did not respond within 0.5 s" in done.stderr


def test_nobody_there_names_what_to_start(mp: Mp) -> None:
    done = mp("whoami", MERCATO_TOKEN=_KEY, MERCATO_URL="http://127.0.0.1:9")
    assert done.returncode == 4
    assert "mercato up" in done.stderr


def test_what_falters_is_asked_again_with_the_same_idempotency_key(mp: Mp) -> None:
    problem = _http("503 Service Unavailable", b'{"detail": "starting"}')
    made = {
        "id": "key_1", "kind": "ck", "name": "mp", "scopes": ["call"], "created_at": "2026-11-02T09:00:00Z",
        "expires_at": None, "revoked_at": None, "rotated_to": None, "key": "ck_text", "new_field": "of a later version",
    }  # fmt: skip
    good = _http("201 Created", json.dumps(made).encode())
    with serve_bytes(lambda number, line: [problem if number == 0 else b"" if number == 1 else good]) as server:
        done = mp("keys", "make", MERCATO_TOKEN=_KEY, MERCATO_URL=server.url)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ck_text\n"
    assert len(server.requests) == 3
    assert len({headers["idempotency-key"] for _, _, headers in server.requests}) == 1


def test_a_problem_shows_its_fields_and_moves_no_cursor(mp: Mp) -> None:
    expected = {
        "detail": "Not as this route \x1b[2Jasks.", "fix": "Mend the fields.", "code": "malformed_request",
        "errors": [{"field": "name", "code": "too_long", "message": "is too long"}],
    }  # fmt: skip
    with serve_bytes(lambda number, line: [_http("422 Unprocessable", json.dumps(expected).encode())]) as server:
        done = mp("keys", "make", MERCATO_TOKEN=_KEY, MERCATO_URL=server.url)
    assert done.returncode == 1
    assert "\x1b" not in done.stderr
    assert "Correct it" in done.stderr
    assert "  name: is too long" in done.stderr


def _refusals() -> dict[str, str]:
    """Every code of the control API with its own advice."""
    from mercato.adapters import counters_redis
    from mercato.app import control, schema
    from mercato.platform import every_refusal

    assert control.ROLES, "every router is loaded"
    assert counters_redis.__name__, "and the engine that is imported only where it is chosen"
    assert schema.METADATA.tables, "every room is loaded, and with it every refusal"
    ours = [refusal for refusal in every_refusal() if refusal.__module__.startswith("mercato.")]  # not those of tests
    return {refusal.code: refusal.fix for refusal in ours}


def test_remedies_are_for_codes_that_the_marketplace_has() -> None:
    assert set(REMEDIES) <= set(_refusals())


_API_VOICE = re.compile(
    r"(GET|POST|PUT|PATCH|DELETE) /|/api/|\bfacts\b|`errors`|\bslug\b|`detail`|Authorization|Retry-After|Idempotency-"
)


def test_advice_that_a_person_reads_is_not_about_http() -> None:
    """A 401 is answered with how to log in, whatever its own advice is."""
    shown = {code: REMEDIES.get(code, fix) for code, fix in _refusals().items()}
    shown = {code: text for code, text in shown.items() if code not in ("not_signed_in", "session_ended")}
    assert {code: text for code, text in shown.items() if _API_VOICE.search(text)} == {}


def test_advice_about_a_call_is_not_about_http_either() -> None:
    from mercato_gateway.codes import CODES

    assert set(CALL_REMEDIES) <= set(CODES)
    shown = {name: CALL_REMEDIES.get(name, code.fix) for name, code in CODES.items()}
    assert {name: text for name, text in shown.items() if _API_VOICE.search(text) or "Allow" in text} == {}


def test_advice_names_commands_that_exist() -> None:
    texts = [*REMEDIES.values(), *CALL_REMEDIES.values(), *_refusals().values()]
    named = {match for text in texts for match in re.findall(r"`mp ([a-z-]+(?: [a-z-]+)?)", text)}
    known = {" ".join(words[:depth]) for words in COMMANDS for depth in range(1, len(words) + 1)}
    assert {each for each in named if each not in known and each.split(" ")[0] not in known} == set()


def test_wrong_use_is_code_2(mp: Mp) -> None:
    assert mp("call").returncode == 2
    assert mp("subscribe", "no-slash").returncode == 2
    assert mp("search", "--max-price", "cheap", MERCATO_TOKEN=_KEY, MERCATO_URL="http://127.0.0.1:9").returncode == 2


def test_a_reader_that_leaves_is_no_error(mp: Mp) -> None:
    done = subprocess.run(
        f"{BIN / 'mp'} --help | head -n 1", shell=True, env=mp.environment, capture_output=True, text=True
    )
    assert done.stdout.startswith("Usage")
    assert done.stderr == ""
