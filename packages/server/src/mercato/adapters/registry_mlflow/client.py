"""Requests to MLflow, and what its refusals mean."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from mercato.adapters.mlflow_address import MlflowAddress
from mercato.adapters.server_trust import is_about_trust, trust_of
from mercato.registry import RegistryFailed, RegistryRefused, RegistryRejected, RegistryUnavailable

_API = "/api/2.0/mlflow/"
_CONNECT_SECONDS = 3.0
_ANSWER_SECONDS = 30.0
_WORDS = 300
_OLDEST, _NEWEST = 3, 3
_BUSY = (408, 429, 502, 503, 504)
"""What a proxy or a busy server answers: about no model in particular."""


class NotThere(Exception):
    """MLflow has nothing of this name."""


class ThereAlready(Exception):
    """MLflow has something of this name."""


class MlflowClient:
    """Raises `RegistryUnavailable`, or `RegistryRefused` where waiting does not help; both name the setting and nothing
    secret. What concerns one model only is `RegistryRejected` or `RegistryFailed`.

    `token` is sent as `Authorization: Bearer`; without one, user and password of the address as Basic.
    """

    def __init__(self, address: MlflowAddress, token: str | None = None, authority: Path | None = None) -> None:
        self._address = address
        basic = None if address.user is None else httpx.BasicAuth(address.user, address.password or "")
        self._http = httpx.AsyncClient(
            auth=basic if token is None else None,
            headers={} if token is None else {"authorization": f"Bearer {token}"},
            verify=trust_of(address.url, authority),
            trust_env=False,
            timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
        )

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def examine(self) -> str:
        """The version, once it is known that it fits and lets us read models."""
        response = await self._reach("GET", "/version")
        version = response.text.strip()
        major = version.split(".")[0]
        if response.status_code in (401, 403):
            raise self._cause(response, _words(response.text))
        if response.is_error or not major.isdigit() or len(version) > 40:
            raise self.refused(f"no MLflow answers there ({response.status_code}: {_words(response.text)})")
        if not _OLDEST <= int(major) <= _NEWEST:
            raise self.refused(f"MLflow {version} answers, and MLflow {_OLDEST} is needed")
        await self.ask("GET", "registered-models/search", {"max_results": 1})
        return version

    async def ask(self, method: str, path: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """One request of the API. Raises `NotThere`, `ThereAlready`."""
        response = await self._reach(method, _API + path, content)
        try:
            found = response.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            if response.is_error or response.is_redirect:
                raise self._cause(response, _words(response.text))
            raise self.unavailable("what answers does not speak JSON")
        if response.is_error:
            raise self._meaning(response, str(found.get("error_code", "")), _words(found.get("message", "")))
        return found

    def unavailable(self, words: str) -> RegistryUnavailable:
        """It does not answer now."""
        return RegistryUnavailable(f"MLflow at {self._address.url} (MERCATO_MLFLOW_URL): {words}.")

    def refused(self, words: str) -> RegistryRefused:
        """It does not let us in, or does not fit."""
        return RegistryRefused(f"MLflow at {self._address.url} (MERCATO_MLFLOW_URL): {words}.")

    async def _reach(self, method: str, path: str, content: Mapping[str, Any] | None = None) -> httpx.Response:
        in_query = method == "GET"
        try:
            # httpx limits each part of a response, which a server can send bit by bit for ever.
            async with asyncio.timeout(2 * _ANSWER_SECONDS):
                return await self._http.request(
                    method, self._address.url + path,
                    params=content if in_query else None, json=None if in_query else content,
                )  # fmt: skip
        except TimeoutError:
            raise self.unavailable("does not finish its response in time") from None
        except httpx.TransportError as error:
            if is_about_trust(error):
                words = f"its certificate is not trusted ({_words(error)}); see MERCATO_MLFLOW_CA"
                raise self.refused(words) from None
            raise self.unavailable(f"does not answer ({_words(error) or type(error).__name__})") from None

    def _meaning(self, response: httpx.Response, code: str, words: str) -> Exception:
        if code in ("RESOURCE_DOES_NOT_EXIST", "RESOURCE_NOT_FOUND"):
            return NotThere(words)
        if code == "RESOURCE_ALREADY_EXISTS":
            return ThereAlready(words)
        if response.status_code == 400 and code:
            return RegistryRejected(f"MLflow does not take it ({words})")
        if response.status_code == 500 and code:
            return RegistryFailed(f"MLflow fails at it ({words})")
        return self._cause(response, words)

    def _cause(self, response: httpx.Response, words: str) -> RegistryUnavailable:
        status = response.status_code
        if "Host header" in words:
            return self.refused(f"does not serve this host name ({words}); start it with `--allowed-hosts`")
        if status in (401, 403):
            fix = "correct MERCATO_MLFLOW_TOKEN, or user and password of the address, and their rights"
            return self.refused(f"does not let us in, {status}: {fix} ({words})")
        if response.is_redirect:
            return self.refused(f"answers {status}: a page to sign in stands before it, or the address is another one")
        if status in _BUSY or status >= 500:
            return self.unavailable(f"answers {status} ({words})")
        return self.refused(f"answers {status}: its address may be wrong ({words})")


def _words(text: object) -> str:
    return " ".join(str(text).split())[:_WORDS]
