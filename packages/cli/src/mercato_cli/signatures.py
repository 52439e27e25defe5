"""Checks Ed25519 signatures."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from mercato_cli.errors import MpError


def is_signed(content: bytes, *, key: str, signature: str) -> bool:
    """Whether this is the Ed25519 signature of `content` by `key` (both base64); what is neither is no signature."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        public.verify(base64.b64decode(signature, validate=True), content)
    except (InvalidSignature, ValueError):
        return False
    return True


def with_known_key(default: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options `--key` and `--keys`, whose values `trusted_keys` reads."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        file = click.Path(exists=True, dir_okay=False, path_type=Path)
        text = "The marketplace's keys (see `mp audit keys`): one that `--key` leads to is trusted as well."
        function = click.option("--keys", "keys_file", type=file, metavar="FILE", help=text)(function)
        text = f"The marketplace's key as you know it. Default: trust the key in the {default}."
        return click.option("--key", metavar="BASE64", help=text)(function)

    return add


def trusted_keys(key: str | None, keys_file: Path | None) -> set[str] | None:
    """The keys whose signatures count; `None` where none was named, so any does. Raises `MpError`."""
    from pydantic import ValidationError

    from mercato_contracts.head_keys import PublishedHeadKeys, keys_led_to

    if keys_file is None:
        return None if key is None else {key}
    if key is None:
        raise MpError("--keys alone proves nothing.", "Name the key that you know with --key.")
    try:
        published = PublishedHeadKeys.model_validate_json(keys_file.read_bytes())
    except ValidationError:
        raise MpError(f"{keys_file} has no keys.", "Fetch them with `mp audit keys --out FILE`.") from None
    return keys_led_to(key, published.items, is_signed)
