"""`mp login`, `logout`, `whoami`, `keys`: credentials are checked, kept for their owner only, and never shown."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

import httpx
import pytest

from tests.cli.conftest import Mp, Shop
from tests.support.running import BIN


def test_a_key_from_standard_input_is_checked_and_kept_for_its_owner_only(mp: Mp, shop: Shop) -> None:
    done = mp("login", "--url", shop.url, "--token", "-", stdin=shop.consumer_key + "\n")
    assert done.returncode == 0, done.stderr
    assert "Logged in" in done.stdout
    assert shop.consumer_key not in done.stdout + done.stderr
    assert mp.file.stat().st_mode & 0o777 == 0o600
    assert mp.json("whoami")["organisation"] == "demo"


@pytest.mark.parametrize(
    ("token", "code", "said"),
    [
        ("ck_0123", 2, "checksum"),
        ("", 2, "No token"),
        ("two words", 2, "neither a key"),
        ("eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl", 3, "not one of ours"),
    ],
)
def test_a_bad_credential_is_refused_and_nothing_is_kept(mp: Mp, shop: Shop, token: str, code: int, said: str) -> None:
    done = mp("login", "--url", shop.url, "--token", "-", stdin=token)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not mp.file.exists()


def test_a_mistyped_key_is_refused_without_asking_anyone(mp: Mp, shop: Shop) -> None:
    wrong = shop.consumer_key[:-1] + ("0" if shop.consumer_key[-1] != "0" else "1")
    done = mp("login", "--url", "http://127.0.0.1:9", "--token", wrong)
    assert done.returncode == 2
    assert "checksum" in done.stderr


def test_who_is_not_logged_in_learns_the_command(mp: Mp) -> None:
    done = mp("whoami")
    assert done.returncode == 3
    assert done.stderr == "mp: You are not logged in. Log in with `mp login`.\n"
    assert done.stdout == ""
    assert json.loads(mp("whoami", "--json").stderr)["error"]["exit_code"] == 3


def test_profiles_are_kept_apart(mp: Mp, shop: Shop) -> None:
    mp("login", "--url", shop.url, "--token", "-", "--profile", "one", stdin=shop.consumer_key)
    login = ("login", "--url", shop.url, "--email", "admin@localhost", "--profile", "two")
    assert mp(*login, stdin=shop.operator_password).returncode == 0
    assert mp.json("whoami")["organisation"] == "operator"
    assert "First administrator (usr_" in mp("whoami").stdout
    assert mp.json("whoami", "--profile", "one")["organisation"] == "demo"
    assert mp("logout").returncode == 0
    assert mp.json("whoami")["organisation"] == "demo"
    assert mp("whoami", "--profile", "two").returncode == 3


def test_the_token_of_this_device_is_kept_and_sent_with_the_next_sign_in(mp: Mp, shop: Shop) -> None:
    login = ("login", "--url", shop.url, "--email", "admin@localhost")
    kept = mp.config / "mercato" / "profiles.json"
    assert mp(*login, stdin=shop.operator_password).returncode == 0
    profiles = json.loads(kept.read_text())
    assert profiles["profiles"]["default"]["device_token"]
    profiles["profiles"]["default"]["device_token"] = "x" * 201  # which a marketplace refuses
    kept.write_text(json.dumps(profiles))
    assert "device token" in mp(*login, stdin=shop.operator_password).stderr


def test_the_environment_needs_no_login(mp: Mp, shop: Shop) -> None:
    done = mp("whoami", "--json", MERCATO_TOKEN=shop.consumer_key, MERCATO_URL=shop.url)
    assert json.loads(done.stdout)["organisation"] == "demo"
    assert mp("whoami", MERCATO_TOKEN=shop.consumer_key).returncode == 2


def test_a_file_that_others_may_read_or_that_is_damaged_is_refused(consumer: Mp) -> None:
    consumer.file.chmod(0o644)
    assert f"chmod 600 {consumer.file}" in consumer("whoami").stderr
    consumer.file.chmod(0o600)
    consumer.file.write_text('{"profiles": [1')
    done = consumer("whoami")
    assert done.returncode == 2
    assert "damaged" in done.stderr


def test_an_access_token_that_ends_is_refreshed_once_by_many_commands(person: Mp) -> None:
    kept = json.loads(person.file.read_text())
    kept["profiles"]["default"]["expires_at"] = time.time() - 1
    person.file.write_text(json.dumps(kept))
    started = [
        subprocess.Popen([BIN / "mp", "whoami", "--json"], env=person.environment, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    assert [each.wait() for each in started] == [0, 0, 0, 0]
    after = json.loads(person.file.read_text())["profiles"]["default"]
    assert after["refresh_token"] != kept["profiles"]["default"]["refresh_token"]


def test_keys_are_made_listed_rotated_and_revoked(person: Mp, shop: Shop) -> None:
    made = person("keys", "make", "--name", "laptop", "--scope", "call", "--days", "3")
    key = made.stdout.strip()
    assert key.startswith("ck_")
    (row,) = [row for row in person.json("keys", "list")["items"] if row["name"] == "laptop"]
    assert row["scopes"] == ["call"]
    assert row["expires_at"] is not None
    assert key not in person("keys", "list").stdout
    successor = person.json("keys", "rotate", row["id"], "--grace", "0")
    assert person("keys", "revoke", successor["id"]).returncode == 0
    names = [row["name"] for row in person.json("keys", "list")["items"]]
    assert "laptop" not in names
    revoked = person("whoami", MERCATO_TOKEN=successor["key"], MERCATO_URL=shop.url)
    assert revoked.returncode == 3
    assert "revoked" in revoked.stderr


def test_a_refusal_names_its_fields_and_what_to_do(person: Mp) -> None:
    done = person("keys", "make", "--scope", "everything")
    assert done.returncode == 1
    assert done.stderr.startswith("mp: ")
    unknown = json.loads(person("keys", "revoke", "key_0", "--json").stderr)["error"]
    assert unknown["code"] == "key_not_found"
    assert unknown["exit_code"] == 1


def test_at_a_terminal_a_code_is_shown_and_a_person_approves_it(mp: Mp, shop: Shop) -> None:
    ours, theirs = pty.openpty()
    words = [str(BIN / "mp"), "login", "--url", shop.url, "--gateway", shop.gateway, "--no-browser"]
    process = subprocess.Popen(words, env=mp.environment, stdin=theirs, stdout=theirs, stderr=theirs, cwd=mp.config)
    os.close(theirs)
    screen = _read_until(ours, "user_code=")
    code = re.search(r"type the code ([A-Z]{4}-[A-Z]{4})", screen)
    assert code is not None, screen
    _approve(shop, code[1])
    screen += _read_to_end(ours)
    assert process.wait(60) == 0
    assert "Logged in" in screen
    assert mp.file.stat().st_mode & 0o777 == 0o600
    assert mp.json("whoami")["organisation"] == "demo"
    kept = json.loads(mp.file.read_text())["profiles"]["default"]
    assert kept["refresh_token"], "so that it goes on when the access token ends"


def _approve(shop: Shop, code: str) -> None:
    """As somebody does in a browser without JavaScript."""
    own = {"sec-fetch-site": "same-origin"}
    with httpx.Client(base_url=shop.url, timeout=60, headers=own) as browser:
        assert 'name="password"' in browser.get("/device", params={"user_code": code}).text
        form = {"user_code": code, "email": "demo@localhost", "password": shop.password}
        page = browser.post("/device", data=form).text
        confirmation = re.search(r'name="confirmation" value="([0-9a-f]+)"', page)
        assert confirmation is not None, page
        form = {"confirmation": confirmation[1], "decision": "approve"}
        assert browser.post("/device/decision", data=form).status_code == 200


def _own_the_terminal() -> None:
    """Runs in the child: Ctrl-C reaches it, also where whoever runs the tests ignores Ctrl-C."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_device_login_that_is_given_up_is_code_130_and_keeps_nothing(mp: Mp, shop: Shop) -> None:
    ours, theirs = pty.openpty()
    words = [str(BIN / "mp"), "login", "--url", shop.url, "--no-browser"]
    process = subprocess.Popen(
        words, env=mp.environment, stdin=theirs, stdout=theirs, stderr=theirs, cwd=mp.config, start_new_session=True,
        preexec_fn=_own_the_terminal,
    )  # fmt: skip
    os.close(theirs)
    screen = _read_until(ours, "Ctrl-C gives up")
    os.write(ours, b"\x03")
    screen += _read_to_end(ours)
    assert process.wait(60) == 130
    assert "Traceback" not in screen
    assert not mp.file.exists()


def _read_to_end(terminal: int) -> str:
    """All that comes until the program has gone: a screen that nobody reads would hold it up."""
    seen = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            piece = b""
        if not piece:
            os.close(terminal)
            return seen.decode()
        seen += piece


def _read_until(terminal: int, text: str) -> str:
    seen = ""
    deadline = time.monotonic() + 60
    while text not in seen:
        ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"{text!r} never came: {seen!r}"
        seen += os.read(terminal, 65536).decode()
    return seen
