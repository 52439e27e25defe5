"""The same call in the shells and languages that people use, ready to be copied."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from mercato.console.gateway_link import scheme
from mercato.edge.wiring import Wiring

KEY = "$MERCATO_KEY"


@dataclass(frozen=True, slots=True)
class Snippet:
    """One way to make the call."""

    id: str
    title: str
    text: str


def gateway_of(parts: Wiring) -> str:
    """Where clients reach the gateway."""
    if parts.gateway_url is not None:
        return parts.gateway_url
    host = urlsplit(parts.client_url).hostname or "127.0.0.1"
    return f"{scheme(parts)}://{f'[{host}]' if ':' in host else host}:{parts.gateway_port}"


def snippets_for(parts: Wiring, key: str) -> Sequence[Snippet]:
    """Which services the key may call, asked with the key itself."""
    return call_snippets(gateway_of(parts), "GET", "/v1/models", None, key, "mp models")


def call_snippets(
    gateway: str, method: str, path: str, body: Mapping[str, object] | None, key: str = KEY, mp: str = ""
) -> Sequence[Snippet]:
    """A call with curl, Python and JavaScript, and with `mp` where there is a command for it."""
    url = gateway + path
    text = None if body is None else json.dumps(body, indent=2, ensure_ascii=False)
    found = [
        Snippet("curl", "curl", _curl(method, url, text, key)),
        Snippet("python", "Python", _python(method, url, text, key)),
        Snippet("javascript", "JavaScript", _javascript(method, url, text, key)),
    ]
    return [*found, Snippet("mp", "mp", mp)] if mp else found


def _curl(method: str, url: str, text: str | None, key: str) -> str:
    lines = [f'curl -X {method} "{url}"', f'  -H "Authorization: Bearer {key}"']
    if text is not None:
        quoted = text.replace("'", "'\\''")
        lines += ['  -H "Content-Type: application/json"', f"  -d '{quoted}'"]
    return " \\\n".join(lines)


def _python(method: str, url: str, text: str | None, key: str) -> str:
    secret = 'os.environ["MERCATO_KEY"]' if key == KEY else f'"{key}"'
    imports = "import os\nimport httpx\n" if key == KEY else "import httpx\n"
    body = "" if text is None else f",\n    json=json.loads('''{text}''')"
    imports = imports if text is None else f"import json\n{imports}"
    return (
        f"{imports}\nanswer = httpx.request(\n    \"{method}\", \"{url}\",\n"
        f'    headers={{"Authorization": f"Bearer {{{secret}}}"}}{body},\n    timeout=60,\n)\nprint(answer.text)'
    )  # fmt: skip


def _javascript(method: str, url: str, text: str | None, key: str) -> str:
    secret = "${process.env.MERCATO_KEY}" if key == KEY else key
    kind = "" if text is None else ', "Content-Type": "application/json"'
    body = "" if text is None else f",\n  body: JSON.stringify({text})"
    return (
        f'const answer = await fetch("{url}", {{\n  method: "{method}",\n'
        f"  headers: {{ Authorization: `Bearer {secret}`{kind} }}{body},\n}});\nconsole.log(await answer.text());"
    )
