"""Every room's tables and what is known of them: a process that writes rows needs those, too, that its own rooms' rows
point to."""

import importlib
import pkgutil
from pathlib import Path

import mercato
from mercato.platform import Base

for _names in ("models.py", "*data_map.py"):
    for _room in pkgutil.iter_modules(mercato.__path__):
        for _path in sorted((Path(mercato.__path__[0]) / _room.name).glob(_names)):
            importlib.import_module(f"mercato.{_room.name}.{_path.stem}")

METADATA = Base.metadata
