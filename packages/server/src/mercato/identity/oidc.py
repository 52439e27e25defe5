"""OpenID Connect as a relying party: discovery, the code flow with PKCE, ID tokens, user info.

Sources: OpenID Connect Core 1.0, sections 3.1.3.7 (ID token) and 5.3 (user info); Discovery 1.0; RFC 7636 (PKCE);
RFC 9207 (`iss` in the answer).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode

from mercato.identity.issuers import IssuerAddresses
from mercato.identity.sso_refusals import IssuerRefused, ProviderFailed, SsoTokenRefused
from mercato.platform import Clock

if TYPE_CHECKING:
    from joserfc.jwk import KeySet
    from joserfc.jwt import Token

SCOPES = "openid email profile"
ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signed by keys that only the provider holds: neither `none` nor a shared secret."""
SKEW_SECONDS = 60
_KEPT = timedelta(hours=1)
"""How long what a provider says of itself is believed; a key that it withdrew is trusted no longer."""
_MOST_KEPT = 1_000
_LONGEST_SUBJECT = 255


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    names_itself: bool
    """Whether its answers always carry `iss` (RFC 9207)."""
    auth_method: str


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """We as one organisation's provider knows us."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str

    def __repr__(self) -> str:
        return f"RelyingParty({self.issuer}, {self.client_id})"


@dataclass(frozen=True, slots=True)
class CodeAnswer:
    """What came back through the browser, and what it must fit."""

    code: str
    issuer: str | None
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Claims:
    """Who signed in, as their provider says. `groups` is `None` where it says nothing of them."""

    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    name: str | None
    groups: frozenset[str] | None
    proved_at: datetime | None
    """When the person proved who they are to the provider, where it says so."""


class OpenIdConnect:
    """Talks to providers, one a process. Never call it while a connection of the database is held."""

    def __init__(self, clock: Clock, addresses: IssuerAddresses) -> None:
        self._clock = clock
        self._addresses = addresses
        self._metadata: dict[str, tuple[datetime, Metadata]] = {}
        self._keys: dict[str, tuple[datetime, KeySet]] = {}

    async def discover(self, issuer: str, *, anew: bool = False) -> Metadata:
        """The provider's metadata; `anew`: fetched now, even if it is cached.

        Raises `IssuerRefused`, `ProviderFailed`.
        """
        found = self._metadata.get(issuer)
        if found is not None and not anew and self._clock.now() - found[0] < _KEPT:
            return found[1]
        url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        status, answer = await self._addresses.ask_json(url)
        if status != 200:
            raise ProviderFailed(f"{url} answered {status}.")
        metadata = self._read_metadata(issuer, answer)
        _remember(self._metadata, issuer, (self._clock.now(), metadata))
        return metadata

    async def authorization_url(
        self, party: RelyingParty, *, state: str, nonce: str, verifier: str, is_proof: bool
    ) -> str:
        """Where the person signs in. With `is_proof` they prove anew who they are. Raises as `discover` does."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        metadata = await self.discover(party.issuer)
        anew = {"prompt": "login", "max_age": "0"} if is_proof else {}
        url: str = prepare_grant_uri(
            metadata.authorization_endpoint,
            client_id=party.client_id,
            response_type="code",
            redirect_uri=party.redirect_uri,
            scope=SCOPES,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
            **anew,
        )
        return url

    async def exchange(self, party: RelyingParty, answer: CodeAnswer, *, groups_claim: str) -> Claims:
        """Who signed in. Raises `SsoTokenRefused`, `IssuerRefused`, `ProviderFailed`."""
        metadata = await self.discover(party.issuer)
        if answer.issuer is None and metadata.names_itself:
            raise SsoTokenRefused("The answer does not say which provider it comes from (`iss`).")
        if answer.issuer not in (None, party.issuer):
            raise SsoTokenRefused("The answer comes from another provider (`iss`).")
        tokens = await self._fetch_tokens(party, metadata, answer)
        id_token, access_token = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(id_token, str):
            raise SsoTokenRefused("The provider sent no ID token.")
        token = await self._verify(metadata, id_token)
        claims = self._check(party, answer, token, access_token if isinstance(access_token, str) else None)
        more = await self._ask_user_info(metadata, claims, access_token, groups_claim)
        return _read_claims(party.issuer, claims, more, groups_claim)

    def _read_metadata(self, issuer: str, answer: Mapping[str, Any]) -> Metadata:
        if answer.get("issuer") != issuer:
            raise ProviderFailed("The provider's discovery document names another issuer.")
        urls = {name: answer.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
        userinfo = answer.get("userinfo_endpoint")
        for name, url in {**urls, **({} if userinfo is None else {"userinfo_endpoint": userinfo})}.items():
            if not isinstance(url, str) or len(url) > 2_000 or any(each <= " " for each in url):
                raise ProviderFailed(f"The provider's discovery document has no usable `{name}`.")
            self._addresses.check_scheme(url)
        methods = answer.get("token_endpoint_auth_methods_supported")
        basic = not isinstance(methods, list) or "client_secret_basic" in methods
        return Metadata(
            issuer=issuer,
            authorization_endpoint=str(urls["authorization_endpoint"]),
            token_endpoint=str(urls["token_endpoint"]),
            jwks_uri=str(urls["jwks_uri"]),
            userinfo_endpoint=userinfo,
            names_itself=answer.get("authorization_response_iss_parameter_supported") is True,
            auth_method="client_secret_basic" if basic else "client_secret_post",
        )

    async def _fetch_tokens(self, party: RelyingParty, metadata: Metadata, answer: CodeAnswer) -> dict[str, Any]:
        from authlib.oauth2.auth import ClientAuth

        body = urlencode(
            {
                "grant_type": "authorization_code",
                "code": answer.code,
                "redirect_uri": party.redirect_uri,
                "code_verifier": answer.verifier,
            }
        )
        client, secret = party.client_id, party.client_secret
        if metadata.auth_method == "client_secret_basic":
            client, secret = quote_plus(client), quote_plus(secret)  # RFC 6749, section 2.3.1; authlib leaves it to us
        auth = ClientAuth(client, secret, metadata.auth_method)
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        url, headers, body = auth.prepare("POST", metadata.token_endpoint, headers, body)
        sent = tuple((name.lower(), str(value)) for name, value in headers.items())
        content = body.encode() if isinstance(body, str) else body
        sent = (*(each for each in sent if each[0] != "content-length"), ("content-length", str(len(content))))
        status, tokens = await self._addresses.ask_json(url, method="POST", headers=sent, body=content)
        if status != 200:
            reason = str(tokens.get("error", ""))[:60]
            raise SsoTokenRefused(f"The provider refused the code ({status} {reason}).".replace(" )", ")"))
        return tokens

    async def _verify(self, metadata: Metadata, id_token: str) -> "Token":
        """The token, signed by a key of the provider. A key that is not known is looked for once more."""
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError, JoseError

        for is_last in (False, True):
            keys = await self._keys_of(metadata, anew=is_last)
            try:
                return jwt.decode(id_token, keys, algorithms=list(ALGORITHMS))
            except InvalidKeyIdError:
                continue
            except (JoseError, ValueError, TypeError, KeyError) as error:
                raise SsoTokenRefused(f"The ID token is not valid: {type(error).__name__}.") from None
        raise SsoTokenRefused("The ID token is signed by a key that the provider does not publish.")

    async def _keys_of(self, metadata: Metadata, *, anew: bool) -> "KeySet":
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        found = self._keys.get(metadata.jwks_uri)
        if found is not None and not anew and self._clock.now() - found[0] < _KEPT:
            return found[1]
        status, answer = await self._addresses.ask_json(metadata.jwks_uri)
        try:
            if status != 200:
                raise ValueError(status)
            keys = KeySet.import_key_set({"keys": list(answer["keys"])})
        except (JoseError, ValueError, TypeError, KeyError):
            raise ProviderFailed(f"{metadata.jwks_uri[:200]} does not hold the provider's keys.") from None
        _remember(self._keys, metadata.jwks_uri, (self._clock.now(), keys))
        return keys

    def _check(self, party: RelyingParty, answer: CodeAnswer, token: "Token", access_token: str | None) -> Any:
        from authlib.common.errors import AuthlibBaseError
        from authlib.oidc.core import CodeIDToken
        from joserfc.errors import JoseError

        options = {
            "iss": {"essential": True, "value": party.issuer},
            "aud": {"essential": True, "value": party.client_id},
            "sub": {"essential": True},
            "exp": {"essential": True},
            "iat": {"essential": True},
        }
        params = {"nonce": answer.nonce, "client_id": party.client_id, "access_token": access_token}
        claims = CodeIDToken(token.claims, token.header, options, params)
        try:
            claims.validate(now=int(self._clock.now().timestamp()), leeway=SKEW_SECONDS)
        except (AuthlibBaseError, JoseError, ValueError, TypeError) as error:
            name = getattr(error, "claim", None) or getattr(error, "claim_name", None) or type(error).__name__
            raise SsoTokenRefused(f"The ID token does not fit this sign-in ({name}).") from None
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or not subject.isprintable():
            raise SsoTokenRefused("The ID token has no usable subject.")
        return claims

    async def _ask_user_info(
        self, metadata: Metadata, claims: Mapping[str, Any], access_token: Any, groups_claim: str
    ) -> dict[str, Any]:
        """What the ID token leaves out, where the provider says more elsewhere."""
        complete = all(name in claims for name in ("email", "email_verified", "name", groups_claim))
        if complete or metadata.userinfo_endpoint is None or not isinstance(access_token, str):
            return {}
        if any(each <= " " or each > "~" for each in access_token):
            raise SsoTokenRefused("The provider sent an access token that is none.")
        headers = (("authorization", f"Bearer {access_token}"),)
        status, more = await self._addresses.ask_json(metadata.userinfo_endpoint, headers=headers)
        if status != 200:
            raise ProviderFailed(f"The provider's user info answered {status}.")
        if more.get("sub") != claims["sub"]:
            raise SsoTokenRefused("The provider's user info is about somebody else.")
        return more


def _read_claims(issuer: str, claims: Mapping[str, Any], more: Mapping[str, Any], groups_claim: str) -> Claims:
    # An address and whether it is verified come from one place.
    mail = claims if "email" in claims else more
    email = mail.get("email")
    groups = claims.get(groups_claim, more.get(groups_claim))
    name = claims.get("name", more.get("name"))
    return Claims(
        issuer=issuer,
        subject=claims["sub"],
        email=email.strip().lower() if isinstance(email, str) else None,
        email_verified=mail.get("email_verified") is True,
        name=name if isinstance(name, str) else None,
        groups=_read_groups(groups),
        proved_at=_read_time(claims.get("auth_time")),
    )


def _read_groups(claim: Any) -> frozenset[str] | None:
    if isinstance(claim, str):
        return frozenset({claim})
    return frozenset(each for each in claim if isinstance(each, str)) if isinstance(claim, list) else None


def _read_time(claim: Any) -> datetime | None:
    is_time = isinstance(claim, int | float) and not isinstance(claim, bool) and 0 < claim < 1e11
    return datetime.fromtimestamp(claim, UTC) if is_time else None


def _remember(kept: dict[str, Any], name: str, value: Any) -> None:
    """The oldest goes where there are too many."""
    kept.pop(name, None)
    kept[name] = value
    if len(kept) > _MOST_KEPT:
        kept.pop(next(iter(kept)))


def check_issuer(issuer: str) -> None:
    """An issuer is an address without a query or a fragment (Discovery 1.0, section 2). Raises `IssuerRefused`."""
    if "?" in issuer or "#" in issuer:
        raise IssuerRefused("An issuer has neither a query nor a fragment.")
