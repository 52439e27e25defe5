"""A vendor's folder, and the two things in it that are run."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any


class ProjectNotUsable(Exception):
    """The folder does not hold what the runner needs; the text says what and where."""


def load_handler(project: Path, artifact: Path | None) -> Any:
    """`Handler(artifact)` of the project's `handler.py`. Raises `ProjectNotUsable`.

    The folder is put first on the import path, so that the handler finds the modules beside it.
    """
    kind = getattr(_load(project, "handler"), "Handler", None)
    if not isinstance(kind, type):
        raise ProjectNotUsable(f"{project / 'handler.py'} has no class `Handler`.")
    if artifact is not None and not artifact.is_file():
        raise ProjectNotUsable(f"The artifact {artifact} is not there.")
    try:
        return kind(artifact)
    except Exception as error:
        raise ProjectNotUsable(f"Handler({artifact}) failed: {_reason(project, error)}") from error


def load_train(project: Path) -> Callable[..., Any]:
    """The function `train` of the project's `train.py`. Raises `ProjectNotUsable`."""
    train = getattr(_load(project, "train"), "train", None)
    if not callable(train):
        raise ProjectNotUsable(f"{project / 'train.py'} has no function `train`.")
    return train  # type: ignore[no-any-return]


def read_protocol(project: Path) -> str:
    """The protocol that `service.yaml` names; nothing where it names none."""
    import yaml

    try:
        manifest = yaml.safe_load((project / "service.yaml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ProjectNotUsable(f"{project / 'service.yaml'} cannot be read: {error}") from None
    return str(manifest.get("protocol", "")) if isinstance(manifest, dict) else ""


def _load(project: Path, name: str) -> ModuleType:
    path = project / f"{name}.py"
    if not path.is_file():
        raise ProjectNotUsable(f"{path} is not there.")
    folder = str(project.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ProjectNotUsable(f"{path} cannot be imported: {_reason(project, error)}") from error
    return module


def _reason(project: Path, error: Exception) -> str:
    """The error, and for a package that is missing the command that installs what the project names."""
    text = f"{type(error).__name__}: {error}"
    requirements = project / "requirements.txt"
    if isinstance(error, ImportError) and requirements.is_file():
        return f"{text}. Install what it needs: `pip install -r {requirements}`"
    return text
