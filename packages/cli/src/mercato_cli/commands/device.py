"""Login with a code that a person approves elsewhere (RFC 8628)."""

import json
import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from mercato_cli.errors import Exit, MpError
from mercato_cli.progress import Progress

if TYPE_CHECKING:
    from mercato_cli.command import Mp
    from mercato_cli.profiles import Profile
    from mercato_contracts.identity import DeviceAuthorizationAnswer

_SLOWER_SECONDS = 5


def log_device_in(mp: "Mp", profile: "Profile", *, open_page: bool, organisation: str | None = None) -> "Profile":
    """The profile with the session that a person approved, through their `organisation` where it is named.

    Raises `MpError` when nobody did, or somebody denied it.
    """
    codes = _begin(mp, profile)
    if organisation is not None:
        page = f"{codes.verification_uri_complete}&organisation={quote(organisation)}"
        codes = codes.model_copy(update={"verification_uri_complete": page})
    _show(mp, codes)
    if open_page and not mp.console.as_json:
        _open(codes.verification_uri_complete)
    from mercato_contracts.identity import DEVICE_CODE  # with pydantic, which a start of mp does without

    interval, ends = codes.interval, time.monotonic() + codes.expires_in
    with Progress(mp.console, "waiting for approval (Ctrl-C gives up)"):
        while time.monotonic() < ends:
            time.sleep(interval)
            status, payload = _post(
                mp, profile, "/api/oauth/token", {"grant_type": DEVICE_CODE, "device_code": codes.device_code}
            )
            if status == 200:
                return _with_tokens(profile, payload)
            interval += _SLOWER_SECONDS if _judge(profile, status, payload) == "slow_down" else 0
    raise MpError("Nobody approved the login in time.", "Begin again with `mp login`.", Exit.NOT_LOGGED_IN)


def _begin(mp: "Mp", profile: "Profile") -> "DeviceAuthorizationAnswer":
    from mercato_cli.transport import refusal
    from mercato_contracts.identity import DeviceAuthorizationAnswer

    path = "/api/oauth/device_authorization"
    status, payload = _post(mp, profile, path, {"client_id": f"mp on {socket.gethostname()}"})
    if status != 200:
        raise refusal(status, payload, profile.url)
    try:
        return DeviceAuthorizationAnswer.model_validate_json(payload, extra="ignore")
    except ValueError:
        raise MpError(
            f"{path} of {profile.url} sent a response that this version of mp does not understand.",
            "Update mp.",
            Exit.UNREACHABLE,
        ) from None


def _post(mp: "Mp", profile: "Profile", path: str, form: dict[str, str]) -> tuple[int, bytes]:
    """One question, not repeated: the loop asks again by itself."""
    import httpx

    from mercato_cli.web import open_client, unreachable

    try:
        with open_client(profile.url, timeout=mp.timeout) as http:
            answer = http.post(f"{profile.url}{path}", data=form)
    except httpx.RequestError as error:
        raise unreachable(profile.url, error, mp.timeout) from None
    return answer.status_code, answer.content


def _judge(profile: "Profile", status: int, payload: bytes) -> str:
    """OAuth's word for why there are no tokens yet. Raises `MpError` when there will be none."""
    from mercato_cli.transport import refusal

    try:
        error = json.loads(payload).get("error", "")
    except (ValueError, AttributeError):
        error = ""
    if error not in ("authorization_pending", "slow_down"):
        raise refusal(status, payload, profile.url)
    return str(error)


def _with_tokens(profile: "Profile", payload: bytes) -> "Profile":
    from mercato_contracts.identity import DeviceTokenAnswer

    tokens = DeviceTokenAnswer.model_validate_json(payload, extra="ignore")
    return replace(
        profile,
        credential=tokens.access_token,
        refresh_token=tokens.refresh_token,
        expires_at=time.time() + tokens.expires_in,
    )


def _show(mp: "Mp", codes: "DeviceAuthorizationAnswer") -> None:
    if mp.console.as_json:
        # A program that shows the code to somebody reads it here; the result follows on a line of its own.
        mp.console.tell(codes.model_dump_json(exclude={"device_code"}))
        return
    mp.console.note(f"Open {codes.verification_uri} and type the code {codes.user_code}")
    mp.console.note(f"or open {codes.verification_uri_complete}")


def _open(address: str) -> None:
    """In a browser, where there is one; what it prints would stand between our lines."""
    import contextlib
    import os
    import webbrowser

    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.name == "nt" or _is_mac()):
        return
    with contextlib.suppress(webbrowser.Error):
        webbrowser.open(address)


def _is_mac() -> bool:
    import sys

    return sys.platform == "darwin"
