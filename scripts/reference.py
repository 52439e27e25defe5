"""Writes docs/reference anew from the code: `make docs`. A test compares it with what is committed."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from mercato.app import schema  # noqa: F401  (loads every room)
from mercato.app.control import ROLES, build_wiring, create_app
from mercato.app.settings import Settings
from mercato.platform import every_refusal
from mercato.publishing.checks.codes import CODES as CHECK_CODES
from mercato_gateway.codes import CODES as GATEWAY_CODES

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
_GENERATED = "<!-- Written by `make docs` from the code; change the code, not this page. -->\n"


def errors() -> str:
    """Every refusal of the control plane and the gateway, and every finding of the publishing checks."""
    lines = [
        _GENERATED,
        "# Error codes\n",
        "A code never changes its meaning. Control API and gateway answer `application/problem+json` (RFC 9457) with",
        "`code`, `detail` and `fix`; on OpenAI's and Anthropic's routes the gateway answers in their shape, with the",
        "same code.\n",
        "## Control API\n",
        "| Code | Status | What it means | What to do |",
        "|---|---|---|---|",
    ]
    lines += [f"| `{kind.code}` | {kind.status} | {kind.title} | {_cell(kind.fix)} |" for kind in every_refusal()]
    lines += ["\n## Gateway\n", "| Code | Status | What it means | What to do |", "|---|---|---|---|"]
    lines += [f"| `{c.name}` | {c.status} | {c.title} | {_cell(c.fix)} |" for c in sorted(GATEWAY_CODES.values())]
    lines += [
        "\n## Findings of the publishing checks\n",
        "| Code | Level | What it means | What to do |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{c.code}` | {c.level} | {c.title} | {_cell(c.fix)} |"
        for c in sorted(CHECK_CODES.values(), key=lambda c: c.code)
    ]
    return "\n".join(lines) + "\n"


def openapi() -> str:
    """The control API's OpenAPI 3.1 document."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(state=Path(folder), DATABASE_URL="postgresql://nobody@127.0.0.1/nothing")
        app = create_app(build_wiring(settings, "postgresql://nobody@127.0.0.1/nothing"), list(ROLES))
    return json.dumps(app.openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


PAGES: dict[str, Callable[[], str]] = {"errors.md": errors, "openapi.json": openapi}


def main() -> None:
    """Write every page; say which changed."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, write in PAGES.items():
        path, text = FOLDER / name, write()
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            sys.stdout.write(f"{path.relative_to(FOLDER.parents[1])}\n")


if __name__ == "__main__":
    main()
