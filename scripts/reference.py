"""Writes docs/reference anew from the code: `make docs`. A test compares it with what is committed."""

import inspect
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from mercato.api.document.routes import route_facts
from mercato.api.route import TransactionalRoute
from mercato.app import schema, worker  # noqa: F401  (load every room and adapter, whoever asks)
from mercato.app.control import ROLES, build_wiring, create_app
from mercato.app.main import main as mercato
from mercato.app.settings import Settings
from mercato.platform import Refusal, every_refusal
from mercato_checks.codes import CODES as CHECK_CODES
from mercato_cli.errors import Exit
from mercato_cli.main import main as mp
from mercato_cli.runner.codes import CODES as RUNNER_CODES
from mercato_contracts import codes as published_codes
from mercato_contracts import export, typescript
from mercato_gateway.codes import CODES as GATEWAY_CODES
from mercato_gateway.document import build_document

sys.path.insert(0, str(Path(__file__).parent))
from events_page import events as events_text
from reachable_refusals import Reachable, load_everything

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
_CONTRACTS = FOLDER.parents[1] / "packages/contracts"
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
    lines += [f"| `{kind.code}` | {kind.status} | {kind.title} | {_cell(kind.fix)} |" for kind in _refusals()]
    lines += ["\n## Gateway\n", "| Code | Status | What it means | What to do |", "|---|---|---|---|"]
    lines += [f"| `{c.name}` | {c.status} | {c.title} | {_cell(c.fix)} |" for c in sorted(GATEWAY_CODES.values())]
    lines += [
        "\n## Runner of a vendor's project\n",
        "| Code | Status | What it means | What to do |",
        "|---|---|---|---|",
    ]
    lines += [f"| `{code.name}` | {code.status} | {code.title} | {_cell(code.fix)} |" for code in RUNNER_CODES.values()]
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


def codes() -> str:
    """The same codes for programs, which know them without a network."""
    told: list[dict[str, str | int]] = [
        {"code": kind.code, "where": "control", "status": kind.status, "title": kind.title, "fix": kind.fix}
        for kind in _refusals()
    ]
    for where, table in (("gateway", GATEWAY_CODES.values()), ("runner", RUNNER_CODES.values())):
        told += [{"code": c.name, "where": where, "status": c.status, "title": c.title, "fix": c.fix} for c in table]
    told += [
        {"code": c.code, "where": "check", "level": c.level, "title": c.title, "fix": c.fix}
        for c in CHECK_CODES.values()
    ]
    told.sort(key=lambda each: (str(each["code"]), str(each["where"])))
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def openapi() -> str:
    """The control API's OpenAPI 3.1 document."""
    return json.dumps(_control_app().openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def gateway_openapi() -> str:
    """The gateway's OpenAPI 3.1 document."""
    return json.dumps(build_document(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def routes() -> str:
    """What each route of the control API can refuse and asks permission for, read from the code behind it."""
    load_everything()
    reachable = Reachable()
    found = {"": reachable.of(TransactionalRoute.get_route_handler, TransactionalRoute)}
    for context in iter_route_contexts(_control_app().routes):
        if isinstance(context.original_route, APIRoute) and context.include_in_schema:
            found[context.name or ""] = reachable.of_route(context.dependant)
    table = {
        name: {
            "refusals": sorted({each.code for each in facts if not isinstance(each, tuple)}),
            "permissions": sorted(list(each) for each in facts if isinstance(each, tuple)),
        }
        for name, facts in sorted(found.items())
    }
    return json.dumps(table, indent=1) + "\n"


def _control_app() -> FastAPI:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(state=Path(folder), DATABASE_URL="postgresql://nobody@127.0.0.1/nothing")
        return create_app(build_wiring(settings, "postgresql://nobody@127.0.0.1/nothing"), list(ROLES))


def cli() -> str:
    """Both commands: every verb, argument and option."""
    lines = [_GENERATED, "# Commands\n"]
    for name, command in (("mp", mp), ("mercato", mercato)):
        lines += _command_page(name, command, level=2)
    lines += ["## Exit codes of `mp`\n", "| Code | Name |", "|---|---|"]
    lines += [f"| {code.value} | {code.name.lower().replace('_', ' ')} |" for code in Exit]
    return "\n".join([*lines, "| 130 | Ctrl-C |", ""])


def _command_page(name: str, command: click.Command, level: int) -> list[str]:
    context = click.Context(command, info_name=name)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    lines = [f"{'#' * level} `{name}`\n", f"{inspect.cleandoc(command.help or '')}\n", f"    {usage}\n"]
    options = [option for option in command.params if isinstance(option, click.Option) and not option.hidden]
    if options:
        lines += ["| Option | What it does |", "|---|---|"]
        rows = [option.get_help_record(context) for option in options]
        lines += [f"| `{_cell(row[0])}` | {_cell(row[1])} |" for row in rows if row] + [""]
    if isinstance(command, click.Group):
        for verb, inner in command.commands.items():
            lines += _command_page(f"{name} {verb}", inner, level=min(level + 1, 4))
    return lines


def settings() -> str:
    """Every setting of the control plane and where it comes from."""
    lines = [
        _GENERATED,
        "# Settings\n",
        "Read once from the environment when a process starts. Secrets that are not given are made at the first start",
        "and kept under `secrets/` in the state folder. The gateway's own are in [gateway.md](../gateway.md); those of",
        "`mp` are `MERCATO_URL`, `MERCATO_TOKEN`, `MERCATO_GATEWAY_URL`, `MERCATO_PROFILE` and `XDG_CONFIG_HOME`.\n",
        "| Variable | Default | What it is |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        variable = field.validation_alias if isinstance(field.validation_alias, str) else f"MERCATO_{name.upper()}"
        default = "not set" if field.default is None else f"`{field.default}`"
        lines.append(f"| `{variable}` | {default} | {_cell(field.description or '')} |")
    return "\n".join(lines) + "\n"


def events() -> str:
    """All news that the control plane tells."""
    return f"{_GENERATED}\n{events_text()}"


def _refusals() -> list[type[Refusal]]:
    """Our own; a test that runs this may have made some of its own."""
    load_everything()
    return [kind for kind in every_refusal() if kind.__module__.startswith("mercato.")]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli,
    "errors.md": errors,
    "events.md": events,
    "gateway-openapi.json": gateway_openapi,
    "openapi.json": openapi,
    "settings.md": settings,
}

TABLES: dict[Path, Callable[[], str]] = {
    FOLDER.parents[1] / "packages/contracts/src/mercato_contracts/codes.json": codes,
    # Before the pages: openapi.json is written from it.
    FOLDER.parents[1] / "packages/server/src/mercato/api/document/routes.json": routes,
}
"""What programs read, and is written from the code as well."""


def main() -> None:
    """Write every page and table; say which changed."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, write in (TABLES | {FOLDER / name: page for name, page in PAGES.items()}).items():
        text = write()
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            sys.stdout.write(f"{path.relative_to(FOLDER.parents[1])}\n")
        published_codes.all_codes.cache_clear()
        route_facts.cache_clear()
    export.write(_CONTRACTS / "schema")
    typescript.write(_CONTRACTS / "typescript", export.schemas(), export.VERSION)


if __name__ == "__main__":
    main()
