"""Profiles: a credential for each marketplace, kept under the XDG configuration folder, readable by its owner only."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mercato_cli.errors import MpError, not_logged_in

DEFAULT_URL = "http://127.0.0.1:8000"
DEFAULT_PROFILE = "default"
GATEWAY_PORT = 8080
_LONGEST_TOKEN = 4096


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
    device_token: str = ""
    """Sent with the next sign-in, so other people's wrong guesses do not delay it."""

    def __repr__(self) -> str:
        return f"Profile({self.name}, {self.url})"


@dataclass(frozen=True, slots=True)
class _Kept:
    """The file: all profiles, and the name of the one in use."""

    current: str
    profiles: dict[str, Profile]


def gateway_of(url: str, port: int = GATEWAY_PORT) -> str:
    """The address of a marketplace's gateway when only its port is known: on the same host."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{port}"


def is_address(url: str) -> bool:
    """Whether a request can be sent there."""
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return fits and url.isprintable() and " " not in url


def checked_address(url: str, named: str = "") -> str:
    """The address without a trailing slash. Raises `MpError` if it is not an address; `named` says where it is from."""
    text = url.strip()
    parts = urlsplit(text) if is_address(text) else None
    if parts is None or parts.username or parts.query or parts.fragment:
        source = f" (from {named})" if named else ""
        raise MpError(
            f"{url or 'Nothing'} is not an address{source}.", "Use an address such as https://market.example."
        )
    return text.rstrip("/")


def checked_token(text: str) -> str:
    """A key or access token. Raises `MpError` for what cannot be one, and for a key that is cut off or mistyped."""
    token = checked_characters(text)
    if token.partition("_")[0] in ("ck", "vk", "sit"):
        _check_key(token)
    return token


def checked_characters(text: str) -> str:
    """A text that can be sent as a credential. Raises `MpError`."""
    token = text.strip()
    if not token:
        raise MpError("No token was given.", "Pipe it in: `mp login --token - < file`.")
    if not token.isascii() or not token.isprintable() or " " in token or len(token) >= _LONGEST_TOKEN:
        raise MpError(
            "This is neither a key nor an access token.", "Copy the whole text as it was shown, and nothing else."
        )
    return token


def _check_key(token: str) -> None:
    from mercato_contracts.keys import MalformedKey, parse_key

    try:
        parse_key(token)
    except MalformedKey:
        raise MpError(
            "This key is mistyped or cut off: its checksum does not fit.", "Copy the whole text that was shown."
        ) from None


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

    def find_at(self, url: str) -> Profile | None:
        """A profile of the marketplace at `url`: the one in use where it is one, else the first by name."""
        kept = self._read()
        there = {name: profile for name, profile in sorted(kept.profiles.items()) if profile.url == url}
        return there.get(kept.current) or next(iter(there.values()), None)

    @contextmanager
    def refreshing(self, profile: Profile) -> Iterator[Profile]:
        """The profile as it is now, while nobody else refreshes it: a refresh token is good once."""
        with self._locked("refresh.lock"):
            found = self.get(profile.name)
            # Written once before the refresh: a full disk must show while the refresh token is still valid.
            self.keep(found, use=False)
            yield found

    def _read(self) -> _Kept:
        try:
            mode = self._path.stat().st_mode
            if mode & 0o077:
                raise MpError(f"{self._path} can be read by others.", f"Run `chmod 600 {self._path}` and log in again.")
            read = json.loads(self._path.read_text(encoding="utf-8"))
            profiles = {str(name): _profile(name, fields) for name, fields in read["profiles"].items()}
            return _Kept(str(read["current"]), profiles)
        except FileNotFoundError:
            return _Kept(DEFAULT_PROFILE, {})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise MpError(f"{self._path} is damaged.", f"Remove it and log in again: `rm {self._path}`.") from None
        except OSError as error:
            raise MpError(
                f"{self._path} cannot be read: {error.strerror}.", "Change its owner to yourself, or remove it."
            ) from None

    def _write(self, kept: _Kept) -> None:
        """The whole file or, where the disk is full or refuses, an `MpError` and the file as it was."""
        draft = self._path.with_name(f".profiles.{os.getpid()}")
        profiles = {name: _without_name(profile) for name, profile in kept.profiles.items()}
        text = json.dumps({"current": kept.current, "profiles": profiles}, indent=2)
        try:
            draft.unlink(missing_ok=True)
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            draft.replace(self._path)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise self._not_written(error) from None

    @contextmanager
    def _locked(self, name: str = "profiles.lock") -> Iterator[None]:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._path.with_name(name), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._not_written(error) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _not_written(self, error: OSError) -> MpError:
        hint = "Make room or allow writing there, or name another folder with XDG_CONFIG_HOME."
        return MpError(f"{self._path} cannot be written: {error.strerror}.", hint)


_TEXTS = ("url", "gateway", "credential", "refresh_token", "device_token")


def _profile(name: str, fields: dict[str, Any]) -> Profile:
    """What the file holds of one profile; fields of a later mp are left alone. Raises `TypeError`, `ValueError`."""
    texts = {each: fields.get(each, "") for each in _TEXTS}
    if not all(isinstance(text, str) for text in texts.values()):
        raise TypeError(name)
    ends = fields.get("expires_at")
    if ends is not None and (isinstance(ends, bool) or not isinstance(ends, int | float)):
        raise TypeError(name)
    if urlsplit(fields["url"]).scheme not in ("http", "https") or not texts["credential"].isascii():
        raise ValueError(name)
    return Profile(name=str(name), expires_at=ends, **texts)


def _without_name(profile: Profile) -> dict[str, object]:
    fields = asdict(profile)
    del fields["name"]
    return fields
