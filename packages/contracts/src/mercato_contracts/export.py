"""`mercato-contracts schema [FOLDER]`: every message as JSON Schema (draft 2020-12), one file a module.

Without a folder the schemas go to standard output as one document.
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

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_BASES = {"Wire"}


def _modules() -> list[ModuleType]:
    names = sorted(module.name for module in pkgutil.iter_modules(mercato_contracts.__path__))
    return [importlib.import_module(f"mercato_contracts.{name}") for name in names if name != "export"]


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


def main() -> None:
    """The command `mercato-contracts`."""
    parser = argparse.ArgumentParser(prog="mercato-contracts", description=__doc__)
    parser.add_argument("what", choices=["schema"], help="JSON Schema of every message")
    parser.add_argument("folder", nargs="?", type=Path, help="where the files go; standard output when left out")
    arguments = parser.parse_args()
    if arguments.folder is None:
        json.dump(schemas(), sys.stdout, indent=2, sort_keys=True, ensure_ascii=False)
        sys.stdout.write("\n")
        return
    for path in write(arguments.folder):
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
