"""An identity provider that does what a test says, also what none should: see `Mischief`.

It signs people in without asking: whoever opens its authorization page comes back with a code at once.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

AnyKey = RSAKey | ECKey | OKPKey

CLIENT_ID, CLIENT_SECRET = "mercato", "a secret: with % and ü"


@dataclass
class Mischief:
    """What it does otherwise than a good provider."""

    claims: dict[str, Any] = field(default_factory=dict)
    """Replaces claims of the ID token; `None` leaves one out."""
    answer: dict[str, str | None] = field(default_factory=dict)
    """Replaces what stands in the address of the way back."""
    sign: Callable[["IdentityProvider", dict[str, Any]], str] | None = None
    """Signs the ID token in another way."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """Replaces what the discovery document says."""
    redirects: set[str] = field(default_factory=set)
    """Paths that redirect to themselves."""
    huge: set[str] = field(default_factory=set)
    """Paths that answer with 2 MiB."""
    slow: set[str] = field(default_factory=set)
    """Paths that do not answer until the provider ends."""
    nonsense: set[str] = field(default_factory=set)
    """Paths that answer with what is no JSON object."""
    userinfo: dict[str, Any] | None = None
    """What user info says; `None`: there is no such endpoint."""


@dataclass
class IdentityProvider:
    """A provider on loopback; `person` is who signs in next."""

    port: int
    now: Callable[[], datetime]
    person: dict[str, Any] = field(default_factory=dict)
    mischief: Mischief = field(default_factory=Mischief)
    keys: list[AnyKey] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}/op"

    def rotate(self, kind: str = "RSA") -> AnyKey:
        """A new key signs from now on, and the old ones are published no longer."""
        self.keys = [self.make_key(kind, f"key-{len(self.asked)}-{kind}")]
        return self.keys[0]

    @staticmethod
    def make_key(kind: str, kid: str) -> AnyKey:
        parameters: Any = {"kid": kid, "use": "sig"}
        if kind == "RSA":
            return RSAKey.generate_key(2048, parameters)
        return ECKey.generate_key("P-256", parameters) if kind == "EC" else OKPKey.generate_key("Ed25519", parameters)

    def visit(self, authorization_url: str) -> dict[str, str]:
        """What a browser brings back from there: the query of the redirect."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(authorization_url).query).items()}
        code = f"code-{len(self.codes)}"
        self.codes[code] = query
        answer: dict[str, str | None] = {"state": query["state"], "code": code, "iss": self.issuer}
        return {name: value for name, value in (answer | self.mischief.answer).items() if value is not None}

    def claims_for(self, query: dict[str, str]) -> dict[str, Any]:
        now = int(self.now().timestamp())
        claims: dict[str, Any] = {
            "iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": query["nonce"],
            "auth_time": now, **self.person, **self.mischief.claims,
        }  # fmt: skip
        return {name: value for name, value in claims.items() if value is not None}

    def id_token(self, query: dict[str, str]) -> str:
        claims = self.claims_for(query)
        return self.mischief.sign(self, claims) if self.mischief.sign else sign(self.keys[0], claims)

    def metadata(self) -> dict[str, Any]:
        fields = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth?tenant=1",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "authorization_response_iss_parameter_supported": True,
        }
        if self.mischief.userinfo is not None:
            fields["userinfo_endpoint"] = f"{self.issuer}/me"
        return fields | self.mischief.metadata

    def exchange(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """The answer of the token endpoint: client, code and code verifier are checked as they should be."""
        encoded = authorization.removeprefix("Basic ")
        name, _, secret = map(unquote_plus, base64.b64decode(encoded).decode().partition(":"))
        query = self.codes.pop(form.get("code", ""), None)
        if (name, secret) != (CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        if query is None or query["redirect_uri"] != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant"}
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(challenge).rstrip(b"=").decode() != query["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "opaque", "token_type": "Bearer", "id_token": self.id_token(query)}


def sign(key: AnyKey, claims: dict[str, Any], **header: str) -> str:
    """As the kind of the key asks for."""
    algorithm = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}[key.key_type]
    # As JSON in ASCII: a claim can then hold what no text can, such as half a character.
    protected = {"alg": algorithm, "kid": str(key.kid), **header}
    return jws.serialize_compact(protected, json.dumps(claims), key, algorithms=[algorithm])


def without_signature(provider: IdentityProvider, claims: dict[str, Any]) -> str:
    """`alg: none`."""
    parts = [json.dumps(each).encode() for each in ({"alg": "none", "kid": provider.keys[0].kid}, claims)]
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), ""])


def with_shared_secret(provider: IdentityProvider, claims: dict[str, Any]) -> str:
    """`HS256` with the public key's text as the secret."""
    key = OctKey.import_key(json.dumps(provider.keys[0].as_dict(private=False)))
    header = {"alg": "HS256", "kid": str(provider.keys[0].kid)}
    return jws.serialize_compact(header, json.dumps(claims), key, algorithms=["HS256"])


@contextmanager
def serve_provider(now: Callable[[], datetime]) -> Iterator[IdentityProvider]:
    """A provider with one RSA key, until the block ends."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    http.daemon_threads = True
    provider = IdentityProvider(http.server_address[1], now)
    provider.rotate()
    http.RequestHandlerClass = _handler_of(provider)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    try:
        yield provider
    finally:
        provider.ended.set()
        http.shutdown()
        http.server_close()


def _handler_of(provider: IdentityProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self._begin()
            if path == "/.well-known/openid-configuration":
                self._answer(path, 200, provider.metadata())
            elif path == "/keys":
                self._answer(path, 200, dict(KeySet(list(provider.keys)).as_dict()))
            elif path == "/me":
                self._answer(path, 200, provider.mischief.userinfo or {})
            else:
                self._answer(path, 404, {})

        def do_POST(self) -> None:
            path = self._begin()
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(path, *provider.exchange(form, self.headers.get("authorization", "")))

        def _begin(self) -> str:
            path = urlsplit(self.path).path.removeprefix("/op")
            provider.asked.append(path)
            if path in provider.mischief.slow:
                provider.ended.wait(600)
            return path

        def _answer(self, path: str, status: int, event: dict[str, Any]) -> None:
            body = json.dumps(event).encode()
            if path in provider.mischief.huge:
                body = json.dumps({**event, "more": "x" * 2_097_152}).encode()
            if path in provider.mischief.nonsense:
                body = b"[" * 100_000
            if path in provider.mischief.redirects:
                status = 307
            self.send_response(status)
            if status == 307:
                self.send_header("location", f"{self.path}?{urlencode({'again': 1})}")
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    return Handler
