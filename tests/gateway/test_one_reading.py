"""Upstream reads a body as the gateway did: servers differ in which of two members of one name counts, and in whether
`Model` is `model`.
"""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mercato_gateway.bodies import read_other_request, read_request, rewrite
from mercato_gateway.refusals import Refused
from tests.fakes.gateway_process import MakeShop, StartGateway
from tests.fakes.upstream import Upstream

_READ = ("model", "stream", "max_tokens", "max_completion_tokens", "max_output_tokens", "n", "best_of", "messages")
_CONTENT = st.sampled_from([
    "Hello", "Grüße", '"model":"other"', '"max_tokens":9,"n":2', '"messages":[', "a\\b", "null", "\u2028", "",
])  # fmt: skip
_MESSAGES = st.lists(_CONTENT, max_size=2).map(lambda texts: [{"role": "user", "content": text} for text in texts])
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "model": st.sampled_from(["acme/chat", "acme/chät", "other", "a\\b"]),
    "stream": st.sampled_from([True, False, None]),
    "messages": _MESSAGES,
}
_NUMBER = st.sampled_from([None, 1, 8, 100_000])
_OTHERS = st.sampled_from([
    ("temperature", 1), ("user", "Jürgen"), ("user", "max_tokens"), ("metadata", {"model": "inner", "n": 3}),
    ("tools", [{"function": {"parameters": {"properties": {"messages": {}, "n": {"type": ["null"]}}}}}]),
    ("stop", ["model"]), ("metadata", {"messages": []}), ("seed", None),
])  # fmt: skip


def _spellings(name: str) -> list[str]:
    """The name as JSON: plain, with an escape, and in other cases, one of them only to Unicode."""
    escaped = f"\\u{ord(name[0]):04x}{name[1:]}"
    return [name] * 12 + [escaped, name.upper(), name.title(), name.replace("s", "ſ").replace("k", "\u212a")]


@st.composite
def _members(draw: st.DrawFn) -> list[tuple[str, str]]:
    """Members as written: names as the JSON between their quotes, values as JSON."""
    names = draw(st.lists(st.sampled_from(_READ), max_size=5))
    members = [("model", '"acme/chat"')] if draw(st.booleans()) else []
    for name in names:
        value = draw(_VALUES.get(name, _NUMBER))
        text = json.dumps(value, ensure_ascii=draw(st.booleans()))
        members.append((draw(st.sampled_from(_spellings(name))), text))
    members += [(name, json.dumps(value, ensure_ascii=False)) for name, value in draw(st.lists(_OTHERS, max_size=2))]
    return draw(st.permutations(members))


def _first(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(reversed(pairs))


def _in_any_case(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name.casefold(): value for name, value in pairs}


def _first_in_any_case(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return _in_any_case(list(reversed(pairs)))


def _write(members: Iterable[tuple[str, str]], colon: str = ":", comma: str = ",") -> bytes:
    return ("{" + comma.join(f'"{name}"{colon}{value}' for name, value in members) + "}").encode()


@given(_members(), st.sampled_from([":", ": ", " :\n"]), st.sampled_from([",", ", "]), st.booleans(), st.booleans())
@example([("max_tokens", "100000"), ("model", '"a"'), ("max_tokens", "8")], ":", ",", True, False)
@example([("max_tokens", "100000"), ("model", '"a"'), ("max_tokens", "null")], ":", ",", True, False)
@example([("messages", '["long"]'), ("model", '"a"'), ("messages", "[]")], ":", ",", True, False)
@example([("Model", '"other"')], ":", ",", False, False)
def test_whatever_a_server_makes_of_a_body_it_reads_what_we_read(
    members: list[tuple[str, str]], colon: str, comma: str, is_known: bool, asks: bool
) -> None:
    body = _write(members, colon, comma)
    try:
        request = read_request(body) if is_known else read_other_request(body)
        names_model, asks = isinstance(request.model, str), asks and request.stream is True
        sent = rewrite(body, request, b"ours" if names_model else None, ask_usage=asks)
    except Refused:
        assert any(name not in _READ and name.casefold() in _READ for name, _ in members)
        return
    ours = json.loads(body)
    if names_model:
        ours["model"] = "ours"
    for reader in (dict, _first, _in_any_case, _first_in_any_case):
        theirs = json.loads(sent, object_pairs_hook=reader)
        assert {name: theirs.get(name) for name in _READ} == {name: ours.get(name) for name in _READ}, reader
        if asks:
            assert theirs["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    "members",
    [
        [("model", '"acme/chat"'), ("messages", '[{"role":"user","content":"\\u00e9"}]'), ("max_tokens", "8")],
        [("messages", '[{"content":"say \\"model\\": 3"}]'), ("model", '"acme/chat"'), ("temperature", "1.0")],
        [("model", '"acme/chat"'), ("prompt", '"Gr\\u00fc\\u00dfe"'), ("n", "2")],
    ],
)
def test_text_is_passed_on_as_it_was_written(members: list[tuple[str, str]]) -> None:
    body = _write(members, ": ", ", ")
    sent = rewrite(body, read_request(body), b"ours", ask_usage=False)
    assert sent == body.replace(b"acme/chat", b"ours")


async def test_a_bound_that_is_given_twice_goes_upstream_once(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream
) -> None:
    place = shop(paths="any")
    gateway = await start_gateway()
    twice = f'{{"model":"{place.model}","input":"x","max_output_tokens":100000,"max_output_tokens":8}}'
    async with gateway.client(place.key) as client:
        assert (await client.post(f"/s/{place.model}/responses", content=twice)).status_code == 200
        assert upstream.received[-1].body.count(b"max_output_tokens") == 1
        assert upstream.received[-1].json["max_output_tokens"] == 8
        for name in ("Model", "MODEL", "Max_Output_Tokens"):
            close = f'{{"model":"{place.model}","input":"x","{name}":"other"}}'
            refused = await client.post(f"/s/{place.model}/responses", content=close)
            assert (refused.status_code, refused.json()["code"]) == (400, "bad_body")
            assert f"`{name}`" in refused.json()["detail"]
    assert len(upstream.received) == 1
