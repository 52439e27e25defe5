"""What a gateway without any memory would do: calls, the answers of their upstream, and what each side must see.

Written from the promises alone, on nothing of the gateway's own code: no head is known here, and nothing is kept from
one call to the next but what the control plane said last.
"""

import json
from dataclasses import dataclass, field
from http import HTTPStatus

from mercato_contracts.dataplane import GrantedSubscription, SnapshotDeployment, SnapshotRelease, SnapshotService

Fields = list[tuple[str, str]]

_CLIENT_ONLY = {
    "host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "content-length", "expect", "cookie",
    "x-forwarded-for", "x-request-id", "x-mercato-key", "x-mercato-subscription",
}  # fmt: skip
_OVERRIDES = {"x-http-method-override", "x-original-url"}
_UPSTREAM_ONLY = {
    "connection", "keep-alive", "transfer-encoding", "content-length", "set-cookie", "x-request-id", "ratelimit",
    "x-mercato-overhead-us",
}  # fmt: skip
WITH_BODY = ("POST", "PUT", "PATCH")


@dataclass(frozen=True)
class Ask:
    """A call. `door` is `v1`, where the body names the service, or `s`, where the path does."""

    service: str = "acme/chat"
    version: str = ""
    door: str = "v1"
    method: str = "POST"
    path: str = "/embeddings"
    query: str = ""
    key: str = "one"
    key_field: str = "authorization"
    more: tuple[tuple[str, str], ...] = ()
    size: int = 9
    stream: str = ""
    chunked: bool = False
    http10: bool = False
    closes: bool = False
    keeps: bool = False
    expects: bool = False
    subscription: str = ""

    @property
    def name(self) -> str:
        return self.service + self.version

    @property
    def metered(self) -> bool:
        """Whether the gateway reads it as a call to a model; one without a body is none."""
        return self.service == "acme/chat" and bool(self.body())

    @property
    def keeps_alive(self) -> bool:
        return not self.closes and (self.keeps or not self.http10)

    def body(self) -> bytes:
        """As the client writes it."""
        if self.method not in WITH_BODY or (self.door == "s" and not self.size):
            return b""
        if self.service != "acme/chat":
            return b"b" * self.size
        stream = {"": "", "plain": ',"stream":true', "usage": ',"stream":true,"stream_options":{"include_usage":true}'}
        return f'{{"model":"{self.name}","input":"{"i" * self.size}"{stream[self.stream]}}}'.encode()

    @property
    def asks_usage(self) -> bool:
        """Whether the gateway asks for usage that the client did not ask for."""
        return self.metered and self.path == "/chat/completions" and self.stream == "plain"


@dataclass(frozen=True)
class Reply:
    """What the upstream answers to one call."""

    status: int = 200
    kind: str = "application/json"
    framing: str = "length"
    size: int = 9
    usage: int = 5
    more: tuple[tuple[str, str], ...] = ()
    length_first: bool = False
    interim: bool = False
    junk: bytes = b""
    closes: bool = False
    cuts: int = 0

    def events(self) -> tuple[list[bytes], bytes]:
        """Of a stream: its events, and the one that tells usage."""
        text = json.dumps({"choices": [{"delta": {"content": "t" * self.size}}]}).encode()
        said = json.dumps({"choices": [], "usage": self._usage()}).encode()
        return [b"data: " + text + b"\n\n", b"data: [DONE]\n\n"], b"data: " + said + b"\n\n"

    def _usage(self) -> dict[str, int]:
        return {"prompt_tokens": self.usage, "completion_tokens": 2 * self.usage, "total_tokens": 3 * self.usage}

    @property
    def is_stream(self) -> bool:
        return self.kind == "text/event-stream"

    def body(self, asked: str) -> bytes:
        if asked == "HEAD" or self.status in (204, 304):
            return b""
        if self.is_stream:
            (text, done), usage = self.events()
            return text + usage + done
        if self.kind == "application/json":
            return json.dumps({"data": "d" * self.size, "usage": self._usage()}).encode()
        return bytes(range(256)) * (self.size // 256) + bytes(range(self.size % 256))

    def framed_as(self, asked: str) -> str:
        """`length`, `chunked` or `end`; a HEAD or an answer without content has its length told or nothing."""
        if asked == "HEAD" or self.status in (204, 304):
            return self.framing if self.framing == "length" else "nothing"
        return self.framing

    def fields(self, asked: str) -> Fields:
        """In the order in which they are sent."""
        body, framing = self.body(asked), self.framed_as(asked)
        length = self.size if asked == "HEAD" or self.status in (204, 304) else len(body)
        frame = {"length": [("Content-Length", str(length))], "chunked": [("Transfer-Encoding", "chunked")]}
        answer = frame.get(framing, [])
        rest = [("Server", "up"), ("Content-Type", self.kind), *self.more]
        if self.closes or framing == "end":
            rest.append(("Connection", "close"))
        return answer + rest if self.length_first else rest + answer

    def raw(self, asked: str) -> bytes:
        """All that is sent."""
        rows = "".join(f"{name}: {value}\r\n" for name, value in self.fields(asked))
        body = self.body(asked)
        if self.framed_as(asked) == "chunked":
            half = len(body) // 2
            parts = [part for part in (body[:half], body[half:]) if part]
            body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        interim = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" if self.interim else b""
        return interim + f"HTTP/1.1 {self.status} Whatever\r\n{rows}\r\n".encode() + body + self.junk


@dataclass
class Place:
    """A service as the control plane last told it."""

    wire: SnapshotService
    subscriptions: list[GrantedSubscription]


@dataclass
class World:
    """What holds now. `keys` by name; `old` were revoked. `limited` are the keys with a limit of their own."""

    places: dict[str, Place] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    old: list[str] = field(default_factory=list)
    limited: set[str] = field(default_factory=set)

    def text_of(self, ask: Ask) -> str:
        """The key as it is sent."""
        if ask.key == "revoked":
            return self.old[-1]
        return {"malformed": "ck_no", "none": ""}.get(ask.key) or self.keys.get(ask.key, "")


@dataclass(frozen=True)
class Route:
    """Where a call goes."""

    service: SnapshotService
    subscription: GrantedSubscription
    release: SnapshotRelease
    deployment: SnapshotDeployment
    operation: str


def decide(world: World, ask: Ask) -> Route | tuple[int, str]:
    """The route, or the status and the code of the refusal."""
    for key, refusal in (
        ("none", "key_missing"), ("malformed", "key_malformed"), ("revoked", "key_invalid"),
    ):  # fmt: skip
        if ask.key == key:
            return 401, refusal
    if ask.door == "v1" and ask.method != "POST":
        return 405, "method_not_allowed"
    place = world.places.get(ask.service)
    if place is None:
        return 404, "service_not_found"
    named = [each for each in place.subscriptions if ask.subscription in ("", each.id)]
    if not named:
        return 403, "not_subscribed"
    release = _release(place.wire, ask.version.removeprefix("@"))
    if release is None:
        return 404, "version_not_found"
    operation = f"{ask.method} {ask.path}"
    if place.wire.paths == "published" and ask.door == "s":
        found = _operation(release, ask.method, ask.path)
        if isinstance(found, tuple):
            return found
        operation = found
    if ask.door == "v1":
        operation = f"{ask.method} /v1{ask.path}"
    oldest = min(named, key=lambda each: each.id)
    return Route(place.wire, oldest, release, release.deployments[0], operation)


def _release(service: SnapshotService, wanted: str) -> SnapshotRelease | None:
    wanted = service.aliases.get(wanted, wanted)
    live = [release for release in service.releases if release.status == "live"]
    fits = [release for release in live if wanted in ("", "latest") or (release.version + ".").startswith(wanted + ".")]
    return max(fits, key=lambda release: [int(part) for part in release.version.split(".")], default=None)


def _operation(release: SnapshotRelease, method: str, path: str) -> str | tuple[int, str]:
    def same(template: str) -> bool:
        want, have = template.split("/"), path.split("/")
        return len(want) == len(have) and all("{" in one or one == two for one, two in zip(want, have, strict=True))

    found = [operation for operation in release.operations if same(operation.path)]
    if not found:
        return 404, "operation_not_found"
    methods = (method, "GET") if method == "HEAD" else (method,)
    for wanted in methods:
        for operation in found:
            if operation.method == wanted:
                return f"{operation.method} {operation.path}"
    return 405, "method_not_allowed"


def base_path(deployment: SnapshotDeployment) -> str:
    """Of its address."""
    return "/" + deployment.url.split("/", 3)[3]


def sent_fields(ask: Ask, world: World) -> Fields:
    """The client's fields, but for its framing."""
    rows: Fields = [("Host", "gateway.test")]
    key = world.text_of(ask)
    if key:
        rows.append((ask.key_field, f"Bearer {key}" if ask.key_field == "authorization" else key))
    if ask.subscription:
        rows.append(("X-Mercato-Subscription", ask.subscription))
    rows += ask.more
    if ask.closes or ask.keeps:
        rows.append(("Connection", "close" if ask.closes else "keep-alive"))
    if ask.expects:
        rows.append(("Expect", "100-continue"))
    return rows


def received(ask: Ask, world: World, route: Route, client: str, request_id: str) -> tuple[str, Fields, bytes]:
    """The request line, the fields in their order and the body, as the upstream must get them."""
    deployment = route.deployment
    target = base_path(deployment) + ask.path + (f"?{ask.query}" if ask.query else "")
    named = {
        part.strip().lower() for name, value in ask.more if name.lower() == "connection" for part in value.split(",")
    }
    drops = _CLIENT_ONLY | named | {ask.key_field} | (_OVERRIDES if route.service.paths == "published" else set())
    if ask.metered:
        drops |= {"accept-encoding"}
    rows = [(name.lower(), value) for name, value in [*sent_fields(ask, world), ("x-client", client)]]
    rows = [row for row in rows if row[0] not in drops]
    if ask.metered:
        rows.append(("accept-encoding", "identity"))
    if deployment.credential is not None:
        rows = [row for row in rows if row[0] != deployment.credential.header]
        rows.append((deployment.credential.header, deployment.credential.value))
    rows = [("host", deployment.url.split("/")[2]), *rows, ("x-request-id", request_id)]
    body = ask.body()
    if ask.metered and body:
        document = json.loads(body) | {"model": deployment.upstream_model}
        if ask.asks_usage:
            document["stream_options"] = {"include_usage": True}
        body = json.dumps(document, sort_keys=True).encode()
    return f"{ask.method} {target} HTTP/1.1", rows, body


@dataclass(frozen=True)
class Expected:
    """What the client must read. `framing` is `length`, `chunked`, `end`, or `nothing`; `length` where it is told."""

    line: str
    fields: Fields
    body: bytes
    framing: str
    length: int | None


def answered(ask: Ask, reply: Reply) -> Expected:
    """The upstream's answer as it goes on."""
    fields = reply.fields(ask.method)
    named = {
        part.strip().lower() for name, value in fields if name.lower() == "connection" for part in value.split(",")
    }
    rows = [(name.lower(), value) for name, value in fields if name.lower() not in _UPSTREAM_ONLY | named]
    if reply.status == 429:
        rows.append(("retry-after", "1"))
    body, framing = reply.body(ask.method), reply.framed_as(ask.method)
    length = next((int(value) for name, value in fields if name == "Content-Length"), None)
    has_body = ask.method != "HEAD" and reply.status not in (204, 304)
    if reply.status == 204:
        framing, length = "nothing", None
    if has_body and ask.metered and reply.is_stream and ask.asks_usage:
        body, framing, length = b"".join(reply.events()[0]), "chunked", None
    elif has_body and ask.metered and reply.kind == "application/json":
        framing, length = "length", len(body)  # read whole, so that it is counted
    if has_body and framing != "length":
        framing, length = ("end" if ask.http10 else "chunked"), None
    phrase = HTTPStatus(reply.status).phrase
    return Expected(f"HTTP/1.1 {reply.status} {phrase}", rows, body, framing, length)


_MODEL_PATHS = {
    "/chat/completions", "/completions", "/embeddings", "/responses", "/messages", "/messages/count_tokens",
}  # fmt: skip


def holds_nothing(ask: Ask, reply: Reply) -> bool:
    """Whether a model call got a success without any content, which is the service's failure."""
    is_known = ask.metered and ask.path in _MODEL_PATHS
    return is_known and ask.method != "HEAD" and reply.status in (200, 201) and not reply.body(ask.method)


def tokens(ask: Ask, reply: Reply) -> tuple[int, int] | None:
    """In and out, where the provider says them or the call has none; `None` where they are estimated."""
    if not ask.metered or reply.status >= 500 or reply.status in (401, 403, 408, 429):
        return 0, 0
    if ask.method == "HEAD" or reply.status in (204, 304):
        return None if reply.status < 400 else (0, 0)
    if ask.path == "/embeddings" and 2 * reply.usage > 16:
        return None  # vectors are no tokens: the gateway's own count
    if reply.is_stream or reply.kind == "application/json":
        return reply.usage, 2 * reply.usage
    return None if reply.status < 400 else (0, 0)
