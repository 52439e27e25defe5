"""What identity tells."""

from dataclasses import dataclass

from mercato.platform import News


@dataclass(frozen=True, kw_only=True)
class OrganisationCreated(News):
    """An organisation signed up with its first user."""

    topic = "organisation.created"

    organisation_id: str
    """The new organisation."""


@dataclass(frozen=True, kw_only=True)
class SignedIn(News):
    """A person signed in; a session of theirs began."""

    topic = "session.began"

    session_id: str
    """The new session."""


@dataclass(frozen=True, kw_only=True)
class TokenIssued(News):
    """A vendor key was exchanged for a deployment's token."""

    topic = "deployment_token.issued"

    token_id: str
    """The new token."""
    deployment_id: str
    """The deployment that it is for."""
    organisation_id: str
    """The organisation that both belong to."""


@dataclass(frozen=True, kw_only=True)
class KeyChanged(News):
    """A key was rotated or revoked, or a deployment's token was revoked; caches must forget it."""

    topic = "key.changed"

    key_id: str
    """The key or the token."""
    organisation_id: str
    """The organisation that it belongs to."""
