"""Every room's tables: a process that writes rows needs those, too, that its own rooms' rows point to."""

import importlib
import pkgutil
from pathlib import Path

import mercato
from mercato.edge import idempotency
from mercato.platform import Base

for _room in pkgutil.iter_modules(mercato.__path__):
    if _room.ispkg and (Path(mercato.__path__[0]) / _room.name / "models.py").exists():
        importlib.import_module(f"mercato.{_room.name}.models")

METADATA = Base.metadata
assert idempotency.IdempotentAnswer.metadata is METADATA
