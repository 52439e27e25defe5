"""The contracts as a TypeScript package: one module of types for each module of schemas, headers, codes and examples.

Types are written from the exported JSON Schemas alone, so they say what the schemas say; what a type cannot say
(bounds, patterns) stands in its comment. Examples become typed constants: a compiler that accepts them checked both.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mercato_contracts.codes import all_codes
from mercato_contracts.headers import HEADERS

Schema = Mapping[str, Any]

_GENERATED = (
    "// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.\n"
)
_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_FACTS = (
    "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems",
    "pattern", "format", "default",
)  # fmt: skip


def typescript(schemas: Mapping[str, Schema], version: str) -> dict[str, str]:
    """By path within the package, the text of each file."""
    files = {f"src/{name}.ts": _module(schema) for name, schema in schemas.items()}
    files["src/headers.ts"] = _headers()
    files["src/codes.ts"] = _codes()
    files["src/examples.ts"] = _examples(schemas)
    exports = [f'export * as {name} from "./{name}.js";' for name in [*schemas, "headers", "codes", "examples"]]
    files["src/index.ts"] = "\n".join([_GENERATED, *exports, f'export const VERSION = "{version}";', ""])
    files["package.json"] = _package(version)
    files["tsconfig.json"] = _json(
        {
            "compilerOptions": {
                "strict": True, "exactOptionalPropertyTypes": True, "noUncheckedIndexedAccess": True,
                "target": "es2022", "module": "nodenext", "moduleResolution": "nodenext", "declaration": True,
                "outDir": "dist", "rootDir": "src", "skipLibCheck": False, "types": [],
            },
            "include": ["src"],
        }
    )  # fmt: skip
    return files


def write(folder: Path, schemas: Mapping[str, Schema], version: str) -> list[Path]:
    """Write the package to `folder`, and remove modules that are no longer there; returns the files."""
    files = typescript(schemas, version)
    (folder / "src").mkdir(parents=True, exist_ok=True)
    for old in (folder / "src").glob("*.ts"):
        if f"src/{old.name}" not in files:
            old.unlink()
    for name, text in files.items():
        (folder / name).write_text(text)
    return [folder / name for name in files]


def _package(version: str) -> str:
    return _json(
        {
            "name": "@mercato/contracts",
            "version": f"{version}.0.0" if version.isdecimal() else version,
            "description": "Mercato: everything that crosses a process, as types",
            "license": "Apache-2.0",
            "type": "module",
            "exports": {".": {"types": "./dist/index.d.ts", "default": "./dist/index.js"}},
            "files": ["dist", "src"],
            "scripts": {"build": "tsc"},
            "devDependencies": {"typescript": "^5.9.0"},
        }
    )


def _module(schema: Schema) -> str:
    parts = [_GENERATED, _comment(schema.get("description", ""), "")]
    parts += [_message(name, each) for name, each in schema["$defs"].items()]
    return "\n".join(part for part in parts if part) + "\n"


def _message(name: str, schema: Schema) -> str:
    head = _comment(schema.get("description", ""), "")
    if "properties" not in schema:
        return f"{head}export type {name} = {_type(schema)};\n"
    return f"{head}export interface {name} {_fields(schema, '')}\n"


def _fields(schema: Schema, indent: str) -> str:
    required = set(schema.get("required", ()))
    inner = indent + "  "
    lines = []
    for name, each in schema.get("properties", {}).items():
        sentences = " ".join(filter(None, [each.get("description", ""), _facts(each)]))
        key = name if _IDENTIFIER.fullmatch(name) else json.dumps(name)
        lines.append(
            f"{_comment(sentences, inner)}{inner}{key}{'' if name in required else '?'}: {_type(each, inner)};"
        )
    if schema.get("additionalProperties") is True:
        lines.append(f"{inner}[other: string]: unknown;")
    return "\n".join(["{", *lines, f"{indent}}}"])


def _type(schema: Schema, indent: str = "") -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " | ".join(dict.fromkeys(_type(each, indent) for each in schema[key]))
    if "allOf" in schema:
        return " & ".join(_type(each, indent) for each in schema["allOf"])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(each) for each in schema["enum"])
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(_type({**schema, "type": each}, indent) for each in kind)
    if kind == "array":
        return _array(schema, indent)
    if kind == "object" or "properties" in schema:
        return _object(schema, indent)
    return _PLAIN.get(str(kind), "unknown")


def _array(schema: Schema, indent: str) -> str:
    if "prefixItems" in schema:
        return f"[{', '.join(_type(each, indent) for each in schema['prefixItems'])}]"
    items = schema.get("items", {})
    return f"Array<{_type(items, indent) if isinstance(items, Mapping) else 'unknown'}>"


def _object(schema: Schema, indent: str) -> str:
    if schema.get("properties"):
        return _fields(schema, indent)
    values = schema.get("additionalProperties", True)
    if isinstance(values, Mapping):
        return f"Record<string, {_type(values, indent)}>"
    patterns = schema.get("patternProperties")
    if patterns:
        return f"Record<string, {' | '.join(dict.fromkeys(_type(each, indent) for each in patterns.values()))}>"
    return "Record<string, unknown>" if values else "Record<string, never>"


def _facts(schema: Schema) -> str:
    found = [f"{key}: {json.dumps(schema[key])}" for key in _FACTS if schema.get(key) is not None]
    return f"({', '.join(found)})" if found else ""


def _comment(text: str, indent: str) -> str:
    if not text:
        return ""
    lines = text.replace("*/", "*\\/").strip().splitlines()
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    return "\n".join([f"{indent}/**", *(f"{indent} * {line.strip()}".rstrip() for line in lines), f"{indent} */", ""])


def _headers() -> str:
    rows = [
        f"  {_json_key(each.name)}: {{ kind: {json.dumps(each.kind)}, sentBy: {json.dumps(each.sent_by)}, "
        f"pattern: {json.dumps(each.pattern)}, example: {json.dumps(each.example, ensure_ascii=False)} }},"
        for each in HEADERS
    ]
    documented = [f"{_comment(each.meaning, '  ')}{row}" for each, row in zip(HEADERS, rows, strict=True)]
    kinds = " | ".join(json.dumps(kind) for kind in dict.fromkeys(each.kind for each in HEADERS))
    return "\n".join([
        _GENERATED,
        f"export type HeaderKind = {kinds};",
        "export interface Header {", "  kind: HeaderKind;", '  sentBy: "client" | "server" | "both";',
        "  /** What its value must match. */", "  pattern: string;", "  example: string;", "}",
        f"export type HeaderName = {' | '.join(json.dumps(each.name) for each in HEADERS)};",
        "export const HEADERS: Readonly<Record<HeaderName, Header>> = {", *documented, "};", "",
    ])  # fmt: skip


def _codes() -> str:
    found = {each["code"]: each for each in all_codes() if each["where"] != "check"}
    checks = sorted({each["code"] for each in all_codes() if each["where"] == "check"})
    lines = [_GENERATED, "/** Every code of a refusal; a code never changes its meaning. */", "export type ErrorCode ="]
    lines += [f"  | {json.dumps(code)}" for code in found]
    lines += [";", "/** Every code of a finding of the publishing checks. */", "export type FindingCode ="]
    lines += [f"  | {json.dumps(code)}" for code in checks]
    lines += [";", "export const STATUS: Readonly<Record<ErrorCode, number>> = {"]
    lines += [f"  {_json_key(code)}: {each['status']}," for code, each in found.items()]
    return "\n".join([*lines, "};", ""])


def _examples(schemas: Mapping[str, Schema]) -> str:
    used = [name for name, schema in schemas.items() if any(e.get("examples") for e in schema["$defs"].values())]
    lines = [_GENERATED, *(f'import type * as {name} from "./{name}.js";' for name in used), ""]
    for module in used:
        for name, schema in schemas[module]["$defs"].items():
            for at, example in enumerate(schema.get("examples", ()), start=1):
                constant = f"{module}_{name}_{at}"
                text = json.dumps(example, indent=2, ensure_ascii=False)
                lines.append(f"export const {constant}: {module}.{name} = {text};\n")
    return "\n".join(lines)


def _json_key(name: str) -> str:
    return name if _IDENTIFIER.fullmatch(name) else json.dumps(name)


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"
