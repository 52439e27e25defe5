"""Writes docs/reference anew from the code: `make docs`. A test compares it with what is committed."""

import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from mercato.api.graphql import SCHEMA
from mercato.app import schema, worker  # noqa: F401  (load every room and adapter, whoever asks)
from mercato.app.control import ROLES, build_wiring, create_app
from mercato.app.settings import Settings
from mercato.edge.document.routes import route_facts
from mercato.edge.route import TransactionalRoute
from mercato.edge.viewer import get_viewer
from mercato.identity.permissions import KEY_SCOPES, OPERATOR_ONLY, PERMISSIONS, Permission, Role
from mercato.platform import Refusal, every_refusal
from mercato_checks.codes import CODES as CHECK_CODES
from mercato_cli.runner.codes import CODES as RUNNER_CODES
from mercato_contracts import codes as published_codes
from mercato_contracts import export, typescript
from mercato_contracts.manifest import ServiceManifest
from mercato_gateway.codes import CODES as GATEWAY_CODES
from mercato_gateway.document import build_document

sys.path.insert(0, str(Path(__file__).parent))
from cli_page import cli as cli_text
from data_map_page import data_map as data_map_text
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
    entries: list[dict[str, str | int]] = [
        {"code": kind.code, "where": "control", "status": kind.status, "title": kind.title, "fix": kind.fix}
        for kind in _refusals()
    ]
    for where, table in (("gateway", GATEWAY_CODES.values()), ("runner", RUNNER_CODES.values())):
        entries += [{"code": c.name, "where": where, "status": c.status, "title": c.title, "fix": c.fix} for c in table]
    entries += [
        {"code": c.code, "where": "check", "level": c.level, "title": c.title, "fix": c.fix}
        for c in CHECK_CODES.values()
    ]
    entries.sort(key=lambda each: (str(each["code"]), str(each["where"])))
    return json.dumps(entries, indent=1, ensure_ascii=False) + "\n"


def openapi() -> str:
    """The control API's OpenAPI 3.1 document."""
    return json.dumps(_control_app().openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def governance() -> str:
    """What GraphQL offers."""
    return SCHEMA.as_str() + "\n"


def gateway_openapi() -> str:
    """The gateway's OpenAPI 3.1 document."""
    return json.dumps(build_document(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


@cache
def routes() -> str:
    """What each route of the control API can refuse and asks permission for, read from the code behind it."""
    load_everything()
    reachable = Reachable()
    found = {"": reachable.of(TransactionalRoute.get_route_handler, TransactionalRoute)}
    viewed = set()
    for context in iter_route_contexts(_control_app().routes):
        if isinstance(context.original_route, APIRoute) and context.include_in_schema:
            found[context.name or ""] = reachable.of_route(context.dependant)
            if _asks_who_views(context.dependant):
                viewed.add(context.name)
    table: dict[str, dict[str, Any]] = {
        name: {
            "refusals": sorted({each.code for each in facts if not isinstance(each, tuple)}),
            "permissions": sorted(list(each) for each in facts if isinstance(each, tuple)),
        }
        for name, facts in sorted(found.items())
    }
    for name in viewed:
        if not table[name]["permissions"]:
            table[name]["open_to_all"] = True
    return json.dumps(table, indent=1) + "\n"


def _asks_who_views(dependant: Dependant) -> bool:
    return any(each.call is get_viewer or _asks_who_views(each) for each in dependant.dependencies)


def _control_app() -> FastAPI:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(state=Path(folder), DATABASE_URL="postgresql://nobody@127.0.0.1/nothing")
        return create_app(build_wiring(settings, "postgresql://nobody@127.0.0.1/nothing"), list(ROLES))


def cli() -> str:
    """Both commands: every verb, argument and option."""
    return _GENERATED + "\n" + cli_text()


def settings() -> str:
    """Every setting of the control plane and where it comes from."""
    lines = [
        _GENERATED,
        "# Settings\n",
        "Read once from the environment when a process starts. Secrets that are not given are made at the first start",
        "and kept under `secrets/` in the state folder. The gateway has [settings of its own](../gateway/settings.md).",
        "Those of `mp`: `MERCATO_URL`, `MERCATO_TOKEN`, `MERCATO_GATEWAY_URL`, `MERCATO_PROFILE`, `XDG_CONFIG_HOME`.\n",
        "| Variable | Default | What it is |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        variable = field.validation_alias if isinstance(field.validation_alias, str) else f"MERCATO_{name.upper()}"
        default = "not set" if field.default is None else f"`{field.default}`"
        lines.append(f"| `{variable}` | {default} | {_cell(field.description or '')} |")
    return "\n".join(lines) + "\n"


def data_map() -> str:
    """Every column of every table, and what an erasure does to it."""
    return _GENERATED + data_map_text()


def events() -> str:
    """All news that the control plane tells."""
    return f"{_GENERATED}\n{events_text()}"


def roles() -> str:
    """What each role and each kind of key may do, and which routes ask for it."""
    names = [role.value for role in Role]
    asked = _routes_by_permission()
    lines = [
        _GENERATED,
        "# Roles and permissions\n",
        "A person has one role in one organisation. What is not listed is refused with `not_allowed` (403); `detail`",
        "names the missing permission. Nobody gives a colleague a role that may do more than their own.\n",
        "## Roles\n",
        "Permissions marked * count in the operator's organisation only.\n",
        f"| Permission | {' | '.join(f'`{name}`' for name in names)} |",
        f"|---{'|:-:' * len(names)}|",
    ]
    for permission in Permission:
        marks = ["yes" if permission in PERMISSIONS[role] else "" for role in Role]
        star = " *" if permission in OPERATOR_ONLY else ""
        lines.append(f"| `{permission}`{star} | {' | '.join(marks)} |")
    lines += [
        "\n## Keys\n",
        "The most that a key of each kind may carry. A new key carries what its kind allows and its maker has, unless",
        "`scopes` narrow it. A `sit_` token carries no more than the `vk_` key that it was exchanged for.\n",
        f"| Scope | {' | '.join(f'`{kind}_`' for kind in KEY_SCOPES)} |",
        f"|---{'|:-:' * len(KEY_SCOPES)}|",
    ]
    for permission in Permission:
        marks = ["yes" if permission in most else "" for most in KEY_SCOPES.values()]
        if any(marks):
            lines.append(f"| `{permission}` | {' | '.join(marks)} |")
    lines += [
        "\n## Where a permission is asked for\n",
        "A route listed under two permissions needs one or both, depending on the request: its description says which.",
        "`call` is checked by the gateway.\n",
        "| Permission | Routes of the control API |",
        "|---|---|",
    ]
    lines += [f"| `{each}` | {', '.join(asked[each])} |" for each in Permission if each in asked]
    return "\n".join(lines) + "\n"


def _routes_by_permission() -> dict[str, list[str]]:
    needed = json.loads(routes())
    found: dict[str, list[str]] = {}
    for path, methods in _control_app().openapi()["paths"].items():
        for method, operation in methods.items():
            for permissions in needed.get(operation["operationId"], {}).get("permissions", ()):
                for permission in permissions:
                    found.setdefault(permission, []).append(f"`{method.upper()} {path}`")
    return {permission: sorted(set(asking)) for permission, asking in found.items()}


def service_yaml() -> str:
    """Every field of `service.yaml`, and the rules that decide about a release."""
    whole = ServiceManifest.model_json_schema()
    lines = [
        _GENERATED,
        "# `service.yaml`\n",
        "What a vendor writes to list a service. Unknown fields are refused. `mp init` writes one, `mp validate`",
        "checks it, and the [examples](../../examples) have three. Prices are decimals of the plan's currency.\n",
        "## The file\n",
        *_field_table(whole),
    ]
    for name, model in _in_order_of_use(whole):
        lines += [f"## {name}\n", f"{_one_line(model.get('description', ''))}\n", *_field_table(model)]
    lines += [
        "## Rules that decide about a release\n",
        "Once the checks have passed, rules in Cedar decide. These come with Mercato; `MERCATO_POLICY_FILE` names",
        "others. A question is answered yes when a permit applies and no forbid does.\n",
    ]
    titles = {
        "publish": "May it be published at all?",
        "approve_automatically": "May it go live without a person?",
        "approve_alone": "When a person must look: is one enough?",
    }
    rules = _rules()
    for action, title in titles.items():
        lines += [f"### {title}\n", "| Rule | Effect | When | Reason shown |", "|---|---|---|---|"]
        lines += [
            f"| `{rule}` | {effect} | {_cell(when)} | {_cell(reason)} |"
            for rule, reason, effect, asked, when in rules
            if asked == action
        ]
        lines.append("")
    return "\n".join(lines)


def _in_order_of_use(whole: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects inside, each behind what first names it."""
    waiting, seen = [whole], []
    while waiting:
        for name in re.findall(r'"#/\$defs/(\w+)"', json.dumps(waiting.pop(0).get("properties", {}))):
            if name not in seen:
                seen.append(name)
                waiting.append(whole["$defs"][name])
    return ((name, whole["$defs"][name]) for name in seen)


def _field_table(model: dict[str, Any]) -> list[str]:
    lines = ["| Field | Type | Default | What it is |", "|---|---|---|---|"]
    for name, field in model["properties"].items():
        default = "required" if name in model.get("required", ()) else f"`{json.dumps(field.get('default'))}`"
        described = _one_line(field.get("description", ""))
        lines.append(f"| `{name}` | {_cell(_type(field))} | {_cell(default)} | {_cell(described)} |")
    return [*lines, ""]


def _type(field: dict[str, Any]) -> str:
    """A field's type and bounds, as JSON Schema has them, for people."""
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(each) for each in field["anyOf"] if each.get("type") != "null"))
    if "const" in field or "enum" in field:
        return ", ".join(f"`{json.dumps(value)}`" for value in field.get("enum", [field.get("const")]))
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}{_bounds(field, 'minItems', 'maxItems')}"
    if field.get("type") == "string":
        pattern = f" matching `{field['pattern']}`" if len(field.get("pattern", "x" * 80)) < 80 else ""
        if field.get("format") == "uri":
            return "URL"
        return f"text{_bounds(field, 'minLength', 'maxLength')}{pattern}"
    return f"{field.get('type', 'any')}{_bounds(field, 'minimum', 'maximum')}"


def _bounds(field: dict[str, Any], least: str, most: str) -> str:
    low, high = field.get(least), field.get(most)
    if low is None and high is None:
        return ""
    if high is None:
        return f", at least {low:,}"
    return f", up to {high:,}" if low is None else f", {low:,} to {high:,}"


def _rules() -> list[tuple[str, str, str, str, str]]:
    """Id, reason, effect, action and condition of each rule that comes along."""
    text = (files("mercato.adapters.policy_cedar") / "policy.cedar").read_text(encoding="utf-8")
    found = re.findall(
        r'@id\("([^"]+)"\)\s*@reason\("([^"]+)"\)\s*(permit|forbid) \(principal, action == Action::"(\w+)", resource\)'
        r"\s*(?:(when|unless) \{(.*?)\})?;",
        text,
        re.S,
    )
    return [
        (rule, reason, effect, action, f"{word} `{_one_line(condition)}`" if condition else "always")
        for rule, reason, effect, action, word, condition in found
    ]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _refusals() -> list[type[Refusal]]:
    """Our own, of engines that a process imports only when it is set to use them too; tests may have made others."""
    load_everything()
    return [kind for kind in every_refusal() if kind.__module__.startswith("mercato.")]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli,
    "data-map.md": data_map,
    "errors.md": errors,
    "events.md": events,
    "gateway-openapi.json": gateway_openapi,
    "governance.graphql": governance,
    "openapi.json": openapi,
    "roles.md": roles,
    "service-yaml.md": service_yaml,
    "settings.md": settings,
}

TABLES: dict[Path, Callable[[], str]] = {
    FOLDER.parents[1] / "packages/contracts/src/mercato_contracts/codes.json": codes,
    # Before the pages: openapi.json is written from it.
    FOLDER.parents[1] / "packages/server/src/mercato/edge/document/routes.json": routes,
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
