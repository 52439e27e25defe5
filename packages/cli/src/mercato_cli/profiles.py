"""Who one is at which marketplace: kept under the XDG configuration folder, readable by its owner only."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from mercato_cli.errors import MpError, not_logged_in

DEFAULT_URL = "http://127.0.0.1:8000"
DEFAULT_PROFILE = "default"
_GATEWAY_PORT = 8080


@dataclass(frozen=True, slots=True)
class Profile:
    """A marketplace and a credential for it: a key, or a session's access token with its refresh token."""

    name: str
    url: str
    gateway: str
    credential: str
    refresh_token: str = ""
    expires_at: float | None = None
    """Seconds since 1970 at which an access token ends; a key has none."""

    def __repr__(self) -> str:
        return f"Profile({self.name}, {self.url})"


@dataclass(frozen=True, slots=True)
class _Kept:
    """The file: all profiles, and the name of the one in use."""

    current: str
    profiles: dict[str, Profile]


def gateway_of(url: str) -> str:
    """Where the gateway of a marketplace is when nobody says otherwise: the same host, port 8080."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{_GATEWAY_PORT}"


class Profiles:
    """The profiles in one file. Writes are whole and locked; a file that others may read is refused."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "profiles.json"

    @property
    def path(self) -> Path:
        """Where they are kept."""
        return self._path

    def get(self, name: str | None) -> Profile:
        """The profile of this name, or the one in use. Raises `MpError` when there is none."""
        kept = self._read()
        found = kept.profiles.get(name or kept.current)
        if found is None:
            raise not_logged_in(f"There is no profile {name}." if name else "You are not logged in.")
        return found

    def name_in_use(self) -> str:
        """The name of the profile in use; there need not be one."""
        return self._read().current

    def keep(self, profile: Profile, *, use: bool) -> None:
        """Write the profile; `use` makes it the one in use."""
        with self._locked():
            kept = self._read()
            kept.profiles[profile.name] = profile
            self._write(replace(kept, current=profile.name) if use else kept)

    def forget(self, name: str | None) -> Profile:
        """Remove it and answer what it was."""
        profile = self.get(name)
        with self._locked():
            kept = self._read()
            kept.profiles.pop(profile.name, None)
            other = min(kept.profiles, default=DEFAULT_PROFILE)
            self._write(replace(kept, current=other) if kept.current == profile.name else kept)
        return profile

    @contextmanager
    def refreshing(self, profile: Profile) -> Iterator[Profile]:
        """The profile as it is now, while nobody else refreshes it: a refresh token is good once."""
        with self._locked("refresh.lock"):
            yield replace(self.get(profile.name))

    def _read(self) -> _Kept:
        try:
            mode = self._path.stat().st_mode
            if mode & 0o077:
                raise MpError(f"{self._path} can be read by others.", f"Run `chmod 600 {self._path}` and log in anew.")
            read = json.loads(self._path.read_text())
            profiles = {name: Profile(name=name, **fields) for name, fields in read["profiles"].items()}
            return _Kept(str(read["current"]), profiles)
        except FileNotFoundError:
            return _Kept(DEFAULT_PROFILE, {})
        except (ValueError, KeyError, TypeError, AttributeError):
            raise MpError(f"{self._path} is damaged.", f"Remove it and log in again: `rm {self._path}`.") from None

    def _write(self, kept: _Kept) -> None:
        draft = self._path.with_name(f".profiles.{os.getpid()}")
        draft.unlink(missing_ok=True)
        profiles = {name: _without_name(profile) for name, profile in kept.profiles.items()}
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"current": kept.current, "profiles": profiles}, file, indent=2)
        draft.replace(self._path)

    @contextmanager
    def _locked(self, name: str = "profiles.lock") -> Iterator[None]:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._path.with_name(name), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _without_name(profile: Profile) -> dict[str, object]:
    fields = asdict(profile)
    del fields["name"]
    return fields
