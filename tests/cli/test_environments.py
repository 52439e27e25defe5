"""Any environment, any command: one line and an exit code; with `--json` the error is JSON."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import click
import pytest

from tests.cli.conftest import Mp
from tests.cli.test_frame import COMMANDS, command_of
from tests.support.http_server import serve_bytes
from tests.support.running import BIN

_NOBODY = "http://127.0.0.1:9"
_TOKEN = "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"
_CODES = {0, 1, 2, 3, 4, 5}
_FOR_EVER = {("dev",)}
"""Commands that serve until Ctrl-C."""
_VERDICTS = {"doctor", "validate"}
"""Commands whose exit code 1 is a result, on standard output."""


@dataclass(frozen=True)
class Environment:
    """What a process finds around it. `shell` wraps the command (`$@`) where a variable cannot say it."""

    variables: Mapping[str, str | None] = field(default_factory=dict)
    shell: str = '"$@"'
    profiles: bytes | None = None


_HERE = {"MERCATO_URL": _NOBODY, "MERCATO_TOKEN": _TOKEN}
_AWAY = {"MERCATO_URL": "http://market.invalid", "MERCATO_TOKEN": _TOKEN}
_NO_PROXY = {"NO_PROXY": "", "no_proxy": ""}
ENVIRONMENTS = {
    "a SOCKS proxy": Environment({**_HERE, "ALL_PROXY": "socks5://127.0.0.1:9"}),
    "a SOCKS proxy to elsewhere": Environment({**_AWAY, **_NO_PROXY, "ALL_PROXY": "socks5://127.0.0.1:9"}),
    "a dead proxy": Environment({**_AWAY, **_NO_PROXY, "HTTP_PROXY": _NOBODY, "http_proxy": _NOBODY}),
    "a malformed proxy": Environment({**_AWAY, **_NO_PROXY, "HTTP_PROXY": "::", "http_proxy": "::"}),
    "no certificates": Environment({**_AWAY, "MERCATO_URL": "https://market.invalid", "SSL_CERT_FILE": "/nowhere"}),
    "Latin-1": Environment({**_HERE, "PYTHONIOENCODING": "latin-1"}),
    "ASCII": Environment({**_HERE, "PYTHONIOENCODING": "ascii"}),
    "the C locale": Environment({**_HERE, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "no home": Environment({"HOME": None, "XDG_CONFIG_HOME": None}),
    "no marketplace": Environment(),
    "a configuration that is no folder": Environment({"XDG_CONFIG_HOME": "/dev/null"}),
    "a configuration that cannot be made": Environment({"XDG_CONFIG_HOME": "/proc/nowhere"}),
    "a folder that cannot be written": Environment(_HERE, 'cd /proc; "$@"'),
    "a folder that is gone": Environment(_HERE, 'mkdir gone; cd gone; rmdir ../gone; "$@"'),
    "no room": Environment(_HERE, 'ulimit -f 0; "$@"'),
    "a full disk behind standard output": Environment(_HERE, '"$@" > /dev/full'),
    "no standard input": Environment(_HERE, '"$@" <&-'),
    "no standard output": Environment(_HERE, '"$@" >&-'),
    "no standard error": Environment(_HERE, '"$@" 2>&-'),
    "a dumb terminal": Environment({**_HERE, "TERM": "dumb", "COLUMNS": "x", "LINES": "-1"}),
    "an invalid address": Environment({"MERCATO_URL": "http://["}),
    "an address with a blank": Environment({"MERCATO_URL": "http://a b", "MERCATO_TOKEN": _TOKEN}),
    "a token of two lines": Environment({"MERCATO_URL": _NOBODY, "MERCATO_TOKEN": "one\ntwo"}),
    "a token beyond ASCII": Environment({"MERCATO_URL": _NOBODY, "MERCATO_TOKEN": "schlüssel"}),
    "a profile file of nothing": Environment(profiles=b""),
    "a profile file of a list": Environment(profiles=b"[1]"),
    "a profile file that is binary": Environment(profiles=b"\xff\xfe\x00"),
    "a profile file that is deep": Environment(profiles=b"[" * 100_000),
    "a profile of other types": Environment(
        profiles=b'{"current": "default", "profiles": {"default": {"url": 5, "gateway": null, "credential": []}}}'
    ),
    "a profile at no address": Environment(
        profiles=b'{"current": "default", "profiles": {"default": {"url": "http://[", "credential": "x"}}}'
    ),
}


def _words(path: tuple[str, ...]) -> list[str]:
    """The command with an argument for each that it needs."""
    words = list(path)
    for parameter in command_of(path).params:
        if isinstance(parameter, click.Option) and parameter.required:
            words += [parameter.opts[0], _value(parameter)]
        elif isinstance(parameter, click.Argument) and parameter.required:
            words += [_value(parameter)]
    return words


def _value(parameter: click.Parameter) -> str:
    kind = parameter.type
    if isinstance(kind, click.Choice):
        return str(kind.choices[0])
    if isinstance(kind, click.IntRange | click.FloatRange):
        return "30" if isinstance(kind, click.IntRange) else "0.5"
    if isinstance(kind, click.Path):
        return "." if kind.dir_okay else "/etc/hostname"
    return {"service": "acme/embedder@1.0.0", "url": "https://hooks.example", "email": "ada@acme.example"}.get(
        parameter.name or "", "momentum"
    )


COMMAND_LINES = {" ".join(path): _words(path) for path in COMMANDS if path not in _FOR_EVER}


def _run(folder: Path, environment: Environment, words: list[str]) -> str:
    """What is wrong with how the command ended; nothing where it is as it should be."""
    here = folder / "-".join(words).replace("/", "_")[:100]
    here.mkdir(parents=True)
    if environment.profiles is not None:
        file = here / "mercato" / "profiles.json"
        file.parent.mkdir()
        file.write_bytes(environment.profiles)
        file.chmod(0o600)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MERCATO_")}
    given = {**inherited, "XDG_CONFIG_HOME": str(here), **environment.variables}
    # Two seconds are for an answer of nobody; what waits for a person gives up at once.
    command = [str(BIN / "mp"), *words, "--timeout", "2"]
    done = subprocess.run(
        ["bash", "-c", environment.shell, "mp", *command],
        env={name: value for name, value in given.items() if value is not None},
        cwd=here, stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
    )  # fmt: skip
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    if done.returncode not in _CODES or "Traceback" in out + err or "Exception ignored" in err:
        return f"{words}: {done.returncode}\n{out}\n{err}"
    lines = [line for line in err.splitlines() if line.startswith("mp: ")]
    is_verdict = words[0] in _VERDICTS and done.returncode == 1
    is_seen = "2>&-" not in environment.shell and not is_verdict and "--json" not in words
    if done.returncode and is_seen and len(lines) != 1:
        return f"{words}: {done.returncode} with {len(lines)} errors\n{out}\n{err}"
    return "" if "--json" not in words else _not_json(words, done.returncode, err, environment)


def _not_json(words: list[str], code: int, err: str, environment: Environment) -> str:
    if code == 0 or "2>&-" in environment.shell or words[0] in _VERDICTS:
        return ""
    try:
        error = json.loads(err.splitlines()[-1])["error"]
        return "" if error["exit_code"] == code and error["detail"] else f"{words}: {error}"
    except (ValueError, LookupError, TypeError) as wrong:
        return f"{words}: {code}, {wrong!r}\n{err}"


def _run_all(folder: Path, environment: Environment, lines: list[list[str]]) -> list[str]:
    with ThreadPoolExecutor(3) as pool:
        return [wrong for wrong in pool.map(lambda words: _run(folder, environment, words), lines) if wrong]


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_some_commands_end_with_one_line_in_any_environment(name: str, tmp_path: Path) -> None:
    """What reads, what writes a profile, and another command in each environment; the slow tests try every pair."""
    number = list(ENVIRONMENTS).index(name)
    another = list(COMMAND_LINES.values())[7 * number % len(COMMAND_LINES)]
    lines = [["whoami"], ["login", "--token", _TOKEN, "--json"], [*another, "--json"]]
    assert _run_all(tmp_path, ENVIRONMENTS[name], lines) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_command_ends_with_one_line_in_any_environment(name: str, tmp_path: Path) -> None:
    lines = [words for line in COMMAND_LINES.values() for words in (line, [*line, "--json"])]
    assert _run_all(tmp_path, ENVIRONMENTS[name], lines) == []


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"], ["keys"], ["keys", "nonsense"], ["whoami", "--nonsense"], ["call"],
        ["whoami", "--timeout", "nan"], ["usage", "--since", "yesterday"],
        ["search", "--limit", "0"], ["keys", "limit", "k", "--concurrent", "many"],
        ["publish", "--wait-seconds", "-1"], ["publish", "/nowhere"], ["call", "acme/x", "--data", "{"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_is_one_line_or_one_object(mp: Mp, words: list[str]) -> None:
    plain = mp(*words, MERCATO_URL=_NOBODY, MERCATO_TOKEN=_TOKEN)
    assert plain.returncode == 2
    if words != ["keys"]:  # a group without a command shows its help
        assert len(plain.stderr.splitlines()) == 1
        assert plain.stderr.startswith("mp: ")
    error = json.loads(mp(*words, "--json", MERCATO_URL=_NOBODY, MERCATO_TOKEN=_TOKEN).stderr)["error"]
    assert error["exit_code"] == 2
    assert error["detail"]
    assert error["fix"]


def test_a_page_that_was_pasted_by_mistake_is_not_shown_whole(mp: Mp) -> None:
    misused = mp("x" * 60_000)
    assert misused.returncode == 2
    assert len(misused.stderr) < 1_000


@pytest.mark.parametrize("url", ["http://999.1.1.1", "http://1.2.3.4.5.6.7.8:x", "http://[::1"])
def test_an_address_of_no_machine_is_no_fault_of_the_network(mp: Mp, url: str) -> None:
    refused = mp("whoami", MERCATO_URL=url, MERCATO_TOKEN=_TOKEN)
    assert refused.returncode == 2
    assert f"{url} is not an address" in refused.stderr


_LISTING = {
    "contract": "catalog/1", "next": None,
    "items": [{
        "id": "svc_019ab3c1f2d47e0b8a6d5c4b3a291807", "name": "acme/translate", "vendor": "acme", "vendor_name": "Acme",
        "vendor_verified": True, "title": "翻訳", "summary": "日本語を英語に翻訳 … → “good”", "protocol": "openai",
        "task": "chat", "version": "1.0.0", "licence": "MIT", "tags": [], "modalities": ["text"], "plans": ["free"],
        "status": "live", "listed_at": "2026-11-02T21:15:00Z", "updated_at": "2026-11-02T21:15:00Z",
    }],
}  # fmt: skip


@pytest.fixture
def listing() -> Iterator[str]:
    """A marketplace whose catalogue speaks Japanese."""
    body = json.dumps(_LISTING, ensure_ascii=False).encode()
    answer = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    with serve_bytes(lambda number, line: [answer]) as server:
        yield server.url


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8", "cp1252", "utf-16"])
def test_other_alphabets_are_approximated_for_people_and_whole_for_programs(
    mp: Mp, listing: str, encoding: str
) -> None:
    def run(*words: str) -> bytes:
        environment = mp.environment | {"MERCATO_URL": listing, "PYTHONIOENCODING": encoding}
        done = subprocess.run([BIN / "mp", *words], env=environment, cwd=mp.config, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "acme/translate" in run("services", "list").decode(encoding)
    shown = json.loads(run("services", "list", "--json").decode(encoding))
    assert shown["items"][0]["title"] == "翻訳"


def test_a_reader_that_leaves_early_is_no_error(mp: Mp, listing: str) -> None:
    words = f"{BIN / 'mp'} services list --json"
    done = subprocess.run(
        ["bash", "-c", f"{words} | true; echo ${{PIPESTATUS[0]}}; {words} 2>&1 | head -c 1"],
        env=mp.environment | {"MERCATO_URL": listing}, cwd=mp.config, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "0\n{"
    assert done.stderr == ""


def test_calls_to_this_machine_use_no_proxy_and_calls_elsewhere_do(mp: Mp, listing: str) -> None:
    with serve_bytes(lambda number, line: [b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n"]) as proxy:
        variables = {"HTTP_PROXY": proxy.url, "http_proxy": proxy.url, "NO_PROXY": "", "no_proxy": ""}
        near = mp("services", "list", MERCATO_URL=listing, **variables)
        assert near.returncode == 0, near.stderr
        assert proxy.requests == []
        mp("services", "list", "--timeout", "2", MERCATO_URL="http://market.invalid", **variables)
        assert proxy.requests[0][1].startswith("http://market.invalid/")


def test_a_proxy_that_does_not_answer_is_named(mp: Mp) -> None:
    variables = {"HTTP_PROXY": _NOBODY, "http_proxy": _NOBODY, "NO_PROXY": "", "no_proxy": ""}
    done = mp("services", "list", MERCATO_URL="http://market.invalid", **variables)
    assert done.returncode == 4
    assert f"through the proxy {_NOBODY}" in done.stderr


_INTERRUPTS = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n"


@pytest.mark.parametrize(
    "module", ["click", "mercato_cli.commands.login", "httpx", "pydantic", "mercato_contracts.catalog"]
)
def test_ctrl_c_during_any_import_is_code_130_and_silent(mp: Mp, tmp_path: Path, module: str) -> None:
    """The import of `module` is where Ctrl-C arrives."""
    finder = tmp_path / "finder"
    finder.mkdir()
    (finder / "sitecustomize.py").write_text(
        "import signal, sys\n"
        # However the tests were started: a background job ignores it.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        f"            exec({_INTERRUPTS!r})\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    done = mp("services", "list", MERCATO_URL=_NOBODY, PYTHONPATH=str(finder))
    assert done.returncode == 130
    assert done.stderr == ""
    assert done.stdout == ""


def test_a_parent_that_ignores_ctrl_c_is_obeyed(mp: Mp, listing: str) -> None:
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); import mercato_cli.entry as e; "
    code += "import signal; assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN; e.main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "services", "list"],
        env=mp.environment | {"MERCATO_URL": listing}, cwd=mp.config, capture_output=True, text=True, timeout=60,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN) and None,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_fault_of_mp_is_one_line_and_shows_where_when_asked(mp: Mp, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import mercato_cli.commands.services as services\n"
        "def fail(*_):\n    raise KeyError('what no one expected')\n"
        "services.list_services.callback = fail\n"
        "services.services.commands['list'].callback = lambda **_: fail()\n"
    )
    done = mp("services", "list", PYTHONPATH=str(tmp_path))
    assert done.returncode == 70
    assert done.stderr.startswith("mp: mp itself failed: KeyError")
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" in mp("services", "list", PYTHONPATH=str(tmp_path), MERCATO_TRACEBACK="1").stderr
