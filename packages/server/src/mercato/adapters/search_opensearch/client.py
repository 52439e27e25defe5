"""Requests to OpenSearch's nodes, and what their refusals mean."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from mercato.adapters.opensearch_address import OpenSearchAddress
from mercato.adapters.server_trust import is_about_trust, trust_of
from mercato.discovery import IndexRefused, IndexUnavailable, QueryRefused

_CONNECT_SECONDS = 2.0
_ANSWER_SECONDS = 10.0
_WRITE_SECONDS = 60.0
_WORDS = 300
_OLDEST = (2, 13)
"""The first with inner products in Lucene's k-NN."""
_FULL = ("read-only", "flood", "disk usage exceeded", "FORBIDDEN/12", "TOO_MANY_REQUESTS/12")
_JSON = "application/json"
_LINES = "application/x-ndjson"


class OpenSearchClient:
    """Asks one node after the other until one answers; the one that answered last comes first.

    Raises `IndexUnavailable`, or `IndexRefused` where waiting does not help; both name the setting and nothing secret.
    """

    def __init__(self, address: OpenSearchAddress, authority: Path | None = None) -> None:
        self._address = address
        self._nodes = list(address.nodes)
        auth = None if address.user is None else httpx.BasicAuth(address.user, address.password or "")
        self._http = httpx.AsyncClient(
            auth=auth,
            verify=trust_of(address.nodes[0], authority),
            trust_env=False,
            timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS, pool=_ANSWER_SECONDS),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
        )

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def look(self) -> str:
        """Which engine answers: its version. Raises `IndexRefused` for one that does not fit."""
        found = await self.ask("GET", "/")
        version = found.get("version", {})
        number, engine = str(version.get("number", "?")), str(version.get("distribution", "Elasticsearch"))
        numbers = tuple(int(part) for part in number.split(".")[:2] if part.isdigit())
        if engine != "opensearch" or numbers < _OLDEST:
            raise self.refused(f"{engine} {number} answers, and OpenSearch 2.13 or newer is needed")
        return number

    async def examine(self) -> str:
        """The version, once it is known that the k-NN plugin is there and the cluster takes writes."""
        number = await self.look()
        found = await self.ask("GET", "/_nodes/plugins?filter_path=nodes.*.plugins.classname")
        for node in found.get("nodes", {}).values():
            if not any("KNNPlugin" in plugin["classname"] for plugin in node["plugins"]):
                raise self.refused("has a node without the k-NN plugin")
        health = await self.ask("GET", "/_cluster/health")
        if health.get("status") == "red":
            raise self.unavailable("its cluster is red: some data is not to be had")
        blocks = await self.ask("GET", f"/{self._address.prefix}-listings-*/_settings/index.blocks.*")
        if "true" in json.dumps(blocks):
            raise self.unavailable("takes no writes, as when its disk was full; see `index.blocks` of its indexes")
        return number

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One request; a body that is no JSON object counts as no answer."""
        content = None if body is None else json.dumps(body).encode()
        return await self._send(method, path, content, _JSON)

    async def change(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> None:
        """Make, swap or remove indexes, for which a busy cluster may take its time."""
        content = None if body is None else json.dumps(body).encode()
        await self._send(method, path, content, _JSON, seconds=_WRITE_SECONDS)

    async def exists(self, path: str) -> bool:
        """Whether a HEAD finds it."""
        response = await self._reach("HEAD", path, None, _JSON)
        if response.status_code not in (200, 404):
            raise self._cause(response)
        return response.status_code == 200

    async def ask_many(self, index: str, searches: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The answers to several searches of one index, in their order."""
        lines = "".join(f"{{}}\n{json.dumps(search)}\n" for search in searches)
        answer = await self._send("POST", f"/{index}/_msearch", lines.encode(), _LINES)
        responses: list[dict[str, Any]] = answer["responses"]
        for each in responses:
            if each.get("status") == 400:
                raise QueryRefused(f"OpenSearch does not understand a search: {_reason(each.get('error'))}")
            if "error" in each:
                raise self._meaning(int(each.get("status", 500)), each["error"])
            # Half of the shards is half of an answer.
            if each.get("timed_out") or each.get("_shards", {}).get("failed"):
                raise self.unavailable("a part of the index does not answer")
        return responses

    async def write(self, alias: str, lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The results of one bulk request, visible to searches when this returns."""
        body = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
        # Else a lost index would come back under the alias's name, without its fields.
        path = f"/{alias}/_bulk?refresh=true&require_alias=true"
        answer = await self._send("POST", path, body, _LINES, seconds=_WRITE_SECONDS)
        items: list[dict[str, Any]] = [next(iter(item.values())) for item in answer["items"]]
        for item in items:
            if int(item["status"]) in (401, 403, 429, 503) or int(item["status"]) >= 500:
                raise self._meaning(int(item["status"]), item.get("error"))
        return items

    def unavailable(self, words: str) -> IndexUnavailable:
        """It does not answer now."""
        return IndexUnavailable(f"OpenSearch at {self._address.shown} (MERCATO_SEARCH_URL): {words}.")

    def refused(self, words: str) -> IndexRefused:
        """It does not let us in, or does not fit."""
        return IndexRefused(f"OpenSearch at {self._address.shown} (MERCATO_SEARCH_URL): {words}.")

    async def _send(
        self, method: str, path: str, content: bytes | None, kind: str, seconds: float = _ANSWER_SECONDS
    ) -> dict[str, Any]:
        response = await self._reach(method, path, content, kind, seconds)
        if response.is_error:
            raise self._cause(response)
        try:
            found = response.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self.unavailable("what answers does not speak JSON")
        return found

    async def _reach(
        self, method: str, path: str, content: bytes | None, kind: str, seconds: float = _ANSWER_SECONDS
    ) -> httpx.Response:
        last = ""
        for node in list(self._nodes):
            try:
                response = await self._http.request(
                    method, f"{node}{path}", content=content, headers={"content-type": kind},
                    timeout=httpx.Timeout(seconds, connect=_CONNECT_SECONDS),
                )  # fmt: skip
            except httpx.TransportError as error:
                last = _said(error)
                if is_about_trust(error):
                    raise self.refused(f"its certificate is not trusted ({last}); see MERCATO_SEARCH_CA") from None
                continue
            if response.status_code in (502, 503, 504) and len(self._nodes) > 1 and node != self._nodes[-1]:
                continue
            if node != self._nodes[0]:
                self._nodes.sort(key=lambda each: each != node)
            return response
        raise self.unavailable(f"does not answer ({last or 'every node is busy'})")

    def _cause(self, response: httpx.Response) -> IndexUnavailable:
        try:
            error: Any = response.json().get("error", response.text)
        except (ValueError, AttributeError):
            error = response.text
        return self._meaning(response.status_code, error)

    def _meaning(self, status: int, error: Any) -> IndexUnavailable:
        words = _reason(error)
        if any(sign in words for sign in _FULL):
            return self.unavailable(f"takes no writes, as when its disk is full ({words})")
        if status in (401, 403):
            return self.refused(f"does not let us in, {status}: correct user, password and rights ({words})")
        if status == 404:
            return self.unavailable(f"has not what was asked for ({words})")
        if status == 400:
            return self.refused(f"does not understand us; is its k-NN plugin there? ({words})")
        return self.unavailable(f"answers {status} ({words})")


def _reason(error: Any) -> str:
    if isinstance(error, dict):
        causes = error.get("root_cause") or [error]
        error = f"{causes[0].get('type', '')}: {causes[0].get('reason', '')}"
    return " ".join(str(error).split())[:_WORDS]


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:_WORDS] or type(error).__name__
