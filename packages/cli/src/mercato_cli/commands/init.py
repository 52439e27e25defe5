"""`mp init`: a project that passes `mp validate` from the first minute."""

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import MpError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

TEMPLATES = {
    "signal-http": "a rule that scores the stocks of a round; no training, no dependency",
    "signal-train": "a LightGBM model trained on a round, here or on RunPod",
    "openai-service": "a model behind OpenAI's API",
    "openapi-service": "an HTTP service with an OpenAPI document",
}
_SUFFIX = ".in"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@click.command()
@click.argument("name")
@click.option(
    "--template",
    type=click.Choice(list(TEMPLATES)),
    required=True,
    help="; ".join(f"{k}: {v}" for k, v in TEMPLATES.items()),
)
@click.option("--folder", type=click.Path(path_type=Path), help="Where to write it. Default: ./NAME.")
@command
def init(mp: Mp, name: str, template: str, folder: Path | None) -> None:
    """Create a project named NAME from a template.

    NAME is the service's name in the catalogue: lower-case letters, digits and inner hyphens, at most 63. Existing
    files are never overwritten.
    """
    if _NAME.fullmatch(name) is None:
        raise MpError(
            f"{name!r} is not a valid service name.", "Use lower-case letters, digits and inner hyphens, at most 63."
        )
    target = folder or Path(name)
    files = write_project(name, template, target)
    mp.console.show(
        {"name": name, "template": template, "folder": str(target), "files": files}, lambda: _tell(mp, target, files)
    )


def write_project(name: str, template: str, target: Path) -> list[str]:
    """The project's files, whole or not at all. Raises `MpError` where something is there already."""
    from importlib.resources import files

    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise MpError(f"{target} already exists and is not empty.", "Choose another folder: `mp init … --folder`.")
    draft = target.with_name(f".{target.name}.draft")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        written = _fill(files("mercato_cli") / "templates" / template, draft, name)
        draft.replace(target)  # onto nothing, or onto an empty folder
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise MpError(f"{target} cannot be written: {error.strerror or error}.", "Choose another folder.") from None
    return sorted(written)


def _fill(source: "Traversable", target: Path, name: str, below: str = "") -> list[str]:
    written = []
    words = {"{{name}}": name, "{{title}}": name.replace("-", " ").capitalize().ljust(3, ".")}
    for entry in source.iterdir():
        if entry.is_dir():
            (target / entry.name).mkdir()
            written += _fill(entry, target / entry.name, name, f"{below}{entry.name}/")
        elif entry.name.endswith(_SUFFIX):
            text = entry.read_text(encoding="utf-8")
            for word, value in words.items():
                text = text.replace(word, value)
            (target / entry.name.removesuffix(_SUFFIX)).write_text(text, encoding="utf-8")
            written.append(below + entry.name.removesuffix(_SUFFIX))
    return written


def _tell(mp: Mp, target: Path, files: list[str]) -> None:
    mp.console.say(f"{target}: {', '.join(files)}")
    mp.console.note(f"Next: `cd {target}`, then `mp validate` and `mp dev`.")
