"""Every room's tables and what is known of them: a process that writes rows needs those, too, that its own rooms' rows
point to."""

import importlib
import pkgutil
from pathlib import Path

import mercato
from mercato.edge import idempotency
from mercato.platform import Base

for _name in ("models", "data_map"):
    for _room in pkgutil.iter_modules(mercato.__path__):
        if _room.ispkg and (Path(mercato.__path__[0]) / _room.name / f"{_name}.py").exists():
            importlib.import_module(f"mercato.{_room.name}.{_name}")

importlib.import_module("mercato.platform.own_data_map")
METADATA = Base.metadata
assert idempotency.IdempotentAnswer.metadata is METADATA
