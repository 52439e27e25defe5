"""Keys and tokens of this machine's deployments; each in a file readable by its owner only."""

import base64
import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from mercato_cli.errors import MpError

_ID = re.compile(r"dep_[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Identity:
    """A deployment's private Ed25519 key (32 bytes in base64) and its token; the token may be empty."""

    deployment: str
    private_key: str
    token: str = ""

    def __repr__(self) -> str:
        return f"Identity({self.deployment})"

    @property
    def public_key(self) -> str:
        """32 bytes in base64."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(self.private_key))
        return base64.b64encode(private.public_key().public_bytes_raw()).decode()

    def sign(self, body: bytes) -> str:
        """The value of `Mercato-Signature` for exactly these bytes."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(self.private_key))
        return f"ed25519={base64.b64encode(private.sign(body)).decode()}"

    def with_token(self, token: str) -> "Identity":
        """The same with a new token."""
        return replace(self, token=token)


class Identities:
    """Those of this machine, below the configuration folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "deployments"

    def find(self, deployment: str) -> Identity | None:
        """The one kept here, if any. Raises `MpError` for a file that others may read or that is damaged."""
        path = self._path(deployment)
        try:
            if path.stat().st_mode & 0o077:
                raise MpError(
                    f"{path} can be read by others.", f"Run `chmod 600 {path}`, then run `mp link-infra` again."
                )
            read = json.loads(path.read_text())
            return Identity(deployment, str(read["private_key"]), str(read["token"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            raise MpError(f"{path} is damaged.", f"Remove it and run `mp link-infra {deployment}`.") from None

    def get(self, deployment: str) -> Identity:
        """The deployment's. Raises `MpError` where this machine has none."""
        found = self.find(deployment)
        if found is None:
            raise MpError(f"This machine has no key of {deployment}.", f"Link it with `mp link-infra {deployment}`.")
        return found

    def make(self, deployment: str) -> Identity:
        """A new pair, kept here."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        raw = Ed25519PrivateKey.generate().private_bytes_raw()
        identity = Identity(deployment, base64.b64encode(raw).decode())
        self.keep(identity)
        return identity

    def keep(self, identity: Identity) -> None:
        """Write it, whole."""
        path = self._path(identity.deployment)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"private_key": identity.private_key, "token": identity.token}, file)
        draft.replace(path)

    def _path(self, deployment: str) -> Path:
        if not _ID.fullmatch(deployment):
            raise MpError(f"{deployment[:80]} is not a deployment's id.", "List yours with `mp deployments list`.")
        return self._folder / f"{deployment}.json"
