"""The command `mercato-contracts`: the messages between processes, for users of other languages.

`schema [FOLDER]` writes every message as JSON Schema (draft 2020-12) with examples, one file a module; without a folder
they go to standard output as one document. `typescript FOLDER` writes a package of types. `release FOLDER` keeps the
schemas as those of this version, and `check FOLDER` says what of them a change would break, with exit code 1.
"""

import argparse
import importlib
import inspect
import json
import pkgutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import mercato_contracts
from mercato_contracts.compatibility import find_breaks
from mercato_contracts.examples import EXAMPLES

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_BASES = {"Wire"}
_NO_MESSAGES = {"export", "examples", "compatibility", "typescript"}

VERSION = "1"
"""Raised when a change breaks users of the released contracts; `release` then stores the new ones."""


def _modules() -> list[ModuleType]:
    names = sorted(module.name for module in pkgutil.iter_modules(mercato_contracts.__path__))
    return [importlib.import_module(f"mercato_contracts.{name}") for name in names if name not in _NO_MESSAGES]


def _models(module: ModuleType) -> list[type[BaseModel]]:
    return [
        item
        for _, item in inspect.getmembers(module, inspect.isclass)
        if issubclass(item, BaseModel) and item.__module__ == module.__name__ and item.__name__ not in _BASES
    ]


def schemas() -> dict[str, dict[str, Any]]:
    """By module, one JSON Schema whose `$defs` are its messages as they are received."""
    exported = {}
    for module in _modules():
        models = _models(module)
        if not models:
            continue
        name = module.__name__.rpartition(".")[2]
        _, schema = models_json_schema([(model, "validation") for model in models], title=f"Mercato {name}")
        for message, each in schema["$defs"].items():
            if message in EXAMPLES:
                each.setdefault("examples", EXAMPLES[message])
        exported[name] = {"$schema": _DIALECT, "description": (module.__doc__ or "").strip(), **schema}
    return exported


def write(folder: Path) -> list[Path]:
    """Write each module's schema to `folder/<module>.schema.json`; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, schema in schemas().items():
        path = folder / f"{name}.schema.json"
        path.write_text(json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
        written.append(path)
    return written


def released(folder: Path) -> dict[str, dict[str, Any]]:
    """The schemas that were released with this version: `folder/<version>.json`."""
    kept: dict[str, dict[str, Any]] = json.loads((folder / f"{VERSION}.json").read_text())
    return kept


def release(folder: Path) -> Path:
    """Keep the schemas of now as those of this version."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{VERSION}.json"
    path.write_text(json.dumps(schemas(), indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    return path


def main() -> None:
    """The command `mercato-contracts`."""
    parser = argparse.ArgumentParser(prog="mercato-contracts", description=__doc__)
    parser.add_argument("what", choices=["schema", "typescript", "release", "check"])
    parser.add_argument(
        "folder", nargs="?", type=Path, help="where the files are; standard output for schema without it"
    )
    arguments = parser.parse_args()
    if arguments.folder is None:
        if arguments.what != "schema":
            parser.error("name the folder")
        json.dump(schemas(), sys.stdout, indent=2, sort_keys=True, ensure_ascii=False)
        sys.stdout.write("\n")
        return
    if arguments.what == "check":
        _check(arguments.folder)
        return
    for path in _written(arguments.what, arguments.folder):
        sys.stdout.write(f"{path}\n")


def _written(what: str, folder: Path) -> list[Path]:
    from mercato_contracts import typescript

    if what == "schema":
        return write(folder)
    return [release(folder)] if what == "release" else typescript.write(folder, schemas(), VERSION)


def _check(folder: Path) -> None:
    breaks = find_breaks(released(folder), schemas())
    for each in breaks:
        sys.stdout.write(f"{each}\n")
    if breaks:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
