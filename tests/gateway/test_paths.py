"""Paths of published operations: read by segments, sent as they were read, the same operation to every server."""

import re
from collections.abc import Callable, Sequence
from urllib.parse import unquote, unquote_to_bytes

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mercato_gateway.heads import RequestHead
from mercato_gateway.operations import Operations
from mercato_gateway.refusals import Refused
from mercato_gateway.targets import read_service_path
from mercato_gateway.wire import Operation
from tests.fakes.gateway_process import MakeShop, StartGateway
from tests.fakes.upstream import Upstream

PUBLISHED = (
    "/items/{id}", "/items/all", "/items/{id}/parts/{part}", "/groups/{group}/members", "/models/{name}:predict",
    "/files/{name}.json", "/files/{name}", "/between/{from}-{to}", "/a:b", "/caf\u00e9", "/quoted%2Fslash", "/",
)  # fmt: skip


def read(path: str, published: Sequence[str] = PUBLISHED, method: str = "GET") -> tuple[str, str] | str:
    """The published path and what goes upstream; or the code of the refusal."""
    operations = Operations([Operation("GET", template) for template in published])
    try:
        match = operations.find(method, read_service_path(b"/s/acme/files" + path.encode()).raw)
    except Refused as refused:
        return refused.code.name
    return match.name.removeprefix("GET "), match.path.decode()


@pytest.mark.parametrize(
    ("path", "name", "sent"),
    [
        ("/items/7", "/items/{id}", "/items/7"),
        ("/items/a%2Fb", "/items/{id}", "/items/a%2Fb"),
        ("/items/a%2fb", "/items/{id}", "/items/a%2Fb"),
        ("/items/%61%7Eb", "/items/{id}", "/items/a~b"),
        ("/items/a%3Bb,c%2Cd", "/items/{id}", "/items/a%3Bb,c%2Cd"),
        ("/items/1;v=2", "/items/{id}", "/items/1;v=2"),
        ("/items/;id=5", "/items/{id}", "/items/;id=5"),
        ("/items/100%25", "/items/{id}", "/items/100%25"),
        ("/items/a%2520b", "/items/{id}", "/items/a%2520b"),
        ("/items/%C3%A9", "/items/{id}", "/items/%C3%A9"),
        ("/items/%E2%80%8B", "/items/{id}", "/items/%E2%80%8B"),
        ("/items/{id}", "/items/{id}", "/items/%7Bid%7D"),
        ("/items/all", "/items/all", "/items/all"),
        ("/items/%61ll", "/items/all", "/items/all"),
        ("/%69tems/7", "/items/{id}", "/items/7"),
        ("/items/a%2Fb/parts/c%2Fd", "/items/{id}/parts/{part}", "/items/a%2Fb/parts/c%2Fd"),
        ("/a%3Ab", "/a:b", "/a:b"),
        ("/caf%c3%a9", "/caf\u00e9", "/caf%C3%A9"),
        ("/quoted%2fslash", "/quoted%2Fslash", "/quoted%2Fslash"),
        ("/models/x:predict", "/models/{name}:predict", "/models/x:predict"),
        ("/models/x%3Apredict", "/models/{name}:predict", "/models/x:predict"),
        ("/models/a%3Ab:predict", "/models/{name}:predict", "/models/a%3Ab:predict"),
        ("/files/a.json", "/files/{name}.json", "/files/a.json"),
        ("/files/a.b.json", "/files/{name}.json", "/files/a.b.json"),
        ("/files/.json", "/files/{name}", "/files/.json"),
        ("/between/a-b-c", "/between/{from}-{to}", "/between/a-b-c"),
        ("/", "/", "/"),
        ("", "/", "/"),
    ],
)
def test_a_path_is_matched_by_segments_and_sent_in_one_form(path: str, name: str, sent: str) -> None:
    assert read(path) == (name, sent)


@pytest.mark.parametrize(
    "path",
    [
        "/groups%2Fall%2Fmembers", "/groups%2fall/members", "/groups/all%2Fmembers", "/items%2F7", "/items", "/items/",
        "//items/7", "/items//7", "/items/7/", "/items/7//", "/%2Fitems/7", "/Items/7", "/items%20/7", "/items;x/7",
        "/models/x:delete", "/models/:predict", "/models/predict", "/files/", "/between/-b", "/between/a-",
        "/quoted/slash", "/%2569tems/all", "/caf%C3%89", "/%00%", "/items%3F/7",
    ],
)  # fmt: skip
def test_what_is_not_published_is_not_found(path: str) -> None:
    assert read(path) in ("operation_not_found", "bad_request")


@pytest.mark.parametrize(
    "path",
    [
        "/items/..", "/items/%2e%2e", "/items/%2e%2e%2fsecret", "/items/..%2Fsecret", "/items/.;x", "/items/a%2F..%2Fb",
        "/items/%252e%252e", "/items/a%5Cb", "/items/a%255Cb", "/items/a%00b", "/items/a%2500b", "/items/a%0D%0Ab",
        "/items/%", "/items/%zz", "/items/%e", "/items/%FF", "/items/%C0%AF", "/items/%C0%AE%C0%AE", "/items/%ED%A0%80",
        "/items/a%252Fb", "/items/a%252fparts", "/items/%2561ll", "/items/all;x", "/items/a%2Fparts%2Fb",
    ],
)  # fmt: skip
def test_what_servers_may_read_as_another_path_is_refused(path: str) -> None:
    assert read(path) == "bad_request"


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/s/%6fddco/%46iles/items/%61", "/s/oddco/Files/items/%61"),
        ("/%73/oddco/files%40%5E1/a%2Fb", "/s/oddco/files%40%5E1/a%2Fb"),
        ("/%53/oddco", "/S/oddco"),
        ("/s%2Foddco/files/a", "/s%2Foddco/files/a"),
        ("/s/oddco%2Ffiles/a/b", "/s/oddco%2Ffiles/a/b"),
        ("/v1/chat/%63ompletion%73?a=%61", "/v1/chat/completions"),
        ("/v1/chat%2Fcompletions", "/v1/chat%2Fcompletions"),
        ("/v1/%zz%2", "/v1/%zz%2"),
        ("/v1/%256d", "/v1/%256d"),
        ("http://h:1/v1/%6Dodels", "/v1/models"),
    ],
)
def test_needless_encoding_names_the_same_service_and_operation(target: str, path: str) -> None:
    head = RequestHead("GET", target.encode(), [], {}, keep_alive=True, http10=False)
    assert head.path == path.encode()


def test_an_operation_is_named_by_its_method_too() -> None:
    published = ("GET", "/x/all"), ("PUT", "/x/{id}"), ("GET", "/{any}/{id}"), ("POST", "/{any}/b")
    operations = Operations(Operation(method, path) for method, path in published)
    assert operations.find("HEAD", b"/x/all").name == "GET /x/all"
    assert operations.find("PUT", b"/x/7").name == "PUT /x/{id}"
    assert operations.find("GET", b"/x/7").name == "GET /{any}/{id}"
    assert operations.find("POST", b"/x/b").name == "POST /{any}/b"
    for method, path, allow in (("PUT", b"/x/all", "GET"), ("DELETE", b"/x/b", "GET, POST, PUT")):
        with pytest.raises(Refused) as refused:
            operations.find(method, path)
        assert (refused.value.code.name, refused.value.allow) == ("method_not_allowed", allow)


# Property: every kind of server finds the operation that was matched.

Reading = Callable[[str], list[bytes]]


def _by_segments(path: str) -> list[bytes]:
    return [unquote_to_bytes(segment) for segment in path.split("/")]


def _decoded_first(path: str) -> list[bytes]:
    return unquote_to_bytes(path).split(b"/")


def _decoded_twice(path: str) -> list[bytes]:
    return unquote_to_bytes(unquote_to_bytes(path)).split(b"/")


def _without_matrix(path: str) -> list[bytes]:
    return [unquote_to_bytes(segment.partition(";")[0]) for segment in path.split("/")]


def _matrix_after_decoding(path: str) -> list[bytes]:
    return [segment.partition(b";")[0] for segment in _decoded_first(path)]


def reached(segments: list[bytes], published: Sequence[str]) -> str | None:
    """What a server with just these operations takes segments for: patterns in order of what is literal."""

    def rank(template: str) -> list[tuple[bool, int]]:
        return [("{" in part, -len(re.sub(r"\{.*?\}", "", part))) for part in template.split("/")]

    for template in sorted(published, key=lambda each: ("{" in each, rank(each))):
        parts = template.split("/")
        if len(parts) != len(segments):
            continue
        patterns = [
            b".+".join(re.escape(unquote_to_bytes(text)) for text in re.split(r"\{.*?\}", part)) for part in parts
        ]
        if all(re.fullmatch(pattern, have, re.DOTALL) for pattern, have in zip(patterns, segments, strict=True)):
            return template
    return None


_SEGMENTS = st.sampled_from(["a", "b", "ab", "a:b", "{x}", "{x}:a", "a{x}", "{x}.{y}", "a.b", "a%2Fb", "%61", "a;b"])
_TEMPLATES = st.lists(_SEGMENTS, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
_PUBLISHED = st.lists(_TEMPLATES, min_size=1, max_size=5, unique_by=unquote)
_TOKENS = st.sampled_from(
    [
        "a",
        "b",
        "/",
        "/",
        ":",
        ".",
        ";",
        "%61",
        "%3A",
        "%3a",
        "%2F",
        "%2f",
        "%252F",
        "%2561",
        "%25",
        "%3B",
        "%253B",
        "~",
        "%7E",
    ]
)
_PATHS = st.lists(_TOKENS, min_size=1, max_size=8).map(lambda tokens: "/" + "".join(tokens))


@settings(max_examples=600, deadline=None)
@given(_PUBLISHED, _PATHS)
@example(["/{x}", "/a/{x}/b"], "/a%2Fa%2Fb")
@example(["/{x}/{x}:a"], "/a/b%3Aa")
@example(["/{x}", "/{x}.{y}"], "/%2F;.a")
def test_every_server_reaches_the_operation_that_was_matched(published: list[str], path: str) -> None:
    got = read(path, published)
    if isinstance(got, str):
        return
    name, sent = got
    assert reached(_by_segments(sent), published) == name
    twice = reached(_decoded_twice(sent), published)
    assert twice == reached(_decoded_first(sent), published)
    for reading in (_decoded_first, _without_matrix, _matrix_after_decoding):
        assert reached(reading(sent), published) in (name, None), reading.__name__
    assert unquote(sent).count("/") == unquote(path).count("/")


@settings(max_examples=200, deadline=None)
@given(_PUBLISHED, _PATHS)
def test_all_spellings_of_a_path_go_upstream_as_one(published: list[str], path: str) -> None:
    got = read(path, published)
    if not isinstance(got, str):
        assert read(got[1], published) == got, "the canonical form is its own canonical form"


async def test_the_upstream_gets_exactly_what_was_matched(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream
) -> None:
    operations = [("GET", "/items/{id}"), ("GET", "/groups/{group}/members")]
    place = shop(name="oddco/files", protocol="openapi", operations=operations)
    gateway = await start_gateway()
    sent = {
        "/items/a%2Fb": 200, "/items/a%2fb?x=%2f": 200, "/groups%2Fall%2Fmembers": 404, "/groups/%61ll/members": 200,
        "/items/a%252Fb": 400, "/items/%ff": 400,
    }  # fmt: skip
    async with gateway.client(place.key) as client:
        statuses = {path: (await client.get(f"/s/oddco/files{path}")).status_code for path in sent}
    assert statuses == sent
    assert [request.target for request in upstream.received] == [
        "/items/a%2Fb",
        "/items/a%2Fb?x=%2f",
        "/groups/all/members",
    ]
