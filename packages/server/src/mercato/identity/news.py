"""What identity tells."""

from dataclasses import dataclass
from typing import Any

from mercato.platform import News


@dataclass(frozen=True, kw_only=True)
class OrganisationCreated(News):
    """An organisation signed up with its first user."""

    topic = "organisation.created"

    organisation_id: str
    """The new organisation."""


@dataclass(frozen=True, kw_only=True)
class OrganisationChanged(News):
    """An operator verified, suspended or reinstated an organisation."""

    topic = "organisation.changed"

    organisation_id: str
    """The organisation."""
    change: str
    """`verified`, `unverified`, `suspended` or `reinstated`."""
    reason: str
    """Why, in the operator's words."""


@dataclass(frozen=True, kw_only=True)
class UserChanged(News):
    """A person has another role, was disabled or was enabled again."""

    topic = "user.changed"

    user_id: str
    """The person."""
    organisation_id: str
    """Their organisation."""
    change: str
    """`role`, `disabled` or `enabled`."""
    before: dict[str, str | bool]
    """What was so before."""
    after: dict[str, str | bool]
    """What is so now."""


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


@dataclass(frozen=True, kw_only=True)
class ServiceAccountChanged(News):
    """A service account was made, has other rights, was disabled with all its keys, or was enabled again."""

    topic = "service_account.changed"

    account_id: str
    """The service account."""
    organisation_id: str
    """The organisation that it acts for."""
    change: str
    """`made`, `rights`, `disabled` or `enabled`."""
    before: dict[str, str | bool | list[str]]
    """What was so before; empty where nothing was."""
    after: dict[str, str | bool | list[str]]
    """What is so now: name and rights, or the keys that were revoked."""


@dataclass(frozen=True, kw_only=True)
class InvitationMade(News):
    """An address was invited to an organisation; the letter is sent by whoever reads this."""

    topic = "invitation.made"

    invitation_id: str
    """The invitation."""
    organisation_id: str
    """The organisation that invites."""
    role: str
    """The role that the invitation gives."""


@dataclass(frozen=True, kw_only=True)
class InvitationWithdrawn(News):
    """An invitation's link no longer works."""

    topic = "invitation.withdrawn"

    invitation_id: str
    """The invitation."""
    organisation_id: str
    """The organisation that invites."""
    role: str
    """The role that the invitation gives."""


@dataclass(frozen=True, kw_only=True)
class InvitationAccepted(News):
    """A person joined an organisation by an invitation."""

    topic = "invitation.accepted"

    invitation_id: str
    """The invitation."""
    organisation_id: str
    """The organisation that invites."""
    role: str
    """The role that the invitation gives."""
    user_id: str
    """The new member."""


@dataclass(frozen=True, kw_only=True)
class PasswordChanged(News):
    """A person has a new password; their other sessions ended."""

    topic = "password.changed"

    user_id: str
    """Whose password it is."""


@dataclass(frozen=True, kw_only=True)
class PasswordResetAsked(News):
    """Somebody asked for a link to set a new password; the letter is sent by whoever reads this."""

    topic = "password.reset_asked"

    reset_id: str
    """The link."""
    user_id: str
    """Whose password it is."""


@dataclass(frozen=True, kw_only=True)
class SecondFactorChanged(News):
    """A person added or removed a second factor, or renewed their recovery codes."""

    topic = "second_factor.changed"

    user_id: str
    """Whose second factor it is."""
    subject_id: str
    """The factor, or the person whose recovery codes were renewed."""
    change: str
    """`added`, `removed` or `recovery_codes_renewed`."""


@dataclass(frozen=True, kw_only=True)
class SessionsEnded(News):
    """Sessions of a person were ended by themselves or an administrator."""

    topic = "sessions.ended"

    user_id: str
    """Whose sessions they were."""
    session_id: str | None = None
    """The one that was ended; `None` where all were."""


@dataclass(frozen=True, kw_only=True)
class SsoProviderChanged(News):
    """An organisation's identity provider was set up, changed or removed, or passwords were switched off or on."""

    topic = "sso_provider.changed"

    organisation_id: str
    """The organisation."""
    change: str
    """`set`, `removed`, `passwords_off` or `passwords_on`."""
    before: dict[str, Any]
    """The settings before, without the secret."""
    after: dict[str, Any]
    """The settings now, without the secret."""


@dataclass(frozen=True, kw_only=True)
class SsoAccountChanged(News):
    """A person was bound to an account at their organisation's identity provider, or unbound."""

    topic = "sso_account.changed"

    user_id: str
    """The person."""
    organisation_id: str
    """Their organisation."""
    change: str
    """`joined` (the person is new), `linked` or `unlinked`."""
    issuer: str
    """The provider."""


@dataclass(frozen=True, kw_only=True)
class PasskeyChanged(News):
    """A person added or removed a passkey."""

    topic = "passkey.changed"

    passkey_id: str
    """The passkey."""
    user_id: str
    """Whose it is."""
    change: str
    """`added` or `removed`."""


@dataclass(frozen=True, kw_only=True)
class ScimTokenChanged(News):
    """A token by which an identity provider keeps an organisation's people was made or revoked."""

    topic = "scim_token.changed"

    token_id: str
    """The token."""
    organisation_id: str
    """Whose people it keeps."""
    change: str
    """`made` or `revoked`."""


@dataclass(frozen=True, kw_only=True)
class ScimSettingsChanged(News):
    """What the groups of an organisation's identity provider mean was changed."""

    topic = "scim_settings.changed"

    organisation_id: str
    """The organisation."""
    before: dict[str, Any]
    """Roles by group and the role of new people, before."""
    after: dict[str, Any]
    """The same now."""


@dataclass(frozen=True, kw_only=True)
class PersonProvisioned(News):
    """An identity provider added, changed or removed a person of its organisation."""

    topic = "person.provisioned"

    user_id: str
    """The person."""
    organisation_id: str
    """Their organisation."""
    change: str
    """`added`, `changed` or `removed`."""


@dataclass(frozen=True, kw_only=True)
class GroupProvisioned(News):
    """An identity provider added, changed or removed a group of its organisation."""

    topic = "group.provisioned"

    group_id: str
    """The group."""
    organisation_id: str
    """The organisation."""
    change: str
    """`added`, `changed` or `removed`."""


@dataclass(frozen=True, kw_only=True)
class MembershipChanged(News):
    """A person of another organisation is in this one no more."""

    topic = "membership.changed"

    user_id: str
    """The person."""
    organisation_id: str
    """The organisation."""
    change: str
    """`ended`."""
    role: str
    """The role that they had."""


@dataclass(frozen=True, kw_only=True)
class ViewAsBegan(News):
    """Somebody of the operator views as a person of an organisation, for half an hour at most."""

    topic = "view_as.began"

    user_id: str
    """Whose pages they see."""
    organisation_id: str
    """The only organisation that they see."""
    view_id: str
    """The view."""
    reason: str
    """Why, in the operator's words."""
    ends_at: str
    """When it ends by itself, RFC 3339."""


@dataclass(frozen=True, kw_only=True)
class ViewAsEnded(News):
    """A view was ended before its time, by the operator or because the organisation forbade views."""

    topic = "view_as.ended"

    user_id: str
    """Whose pages were seen."""
    organisation_id: str
    """The organisation that was seen."""
    view_id: str
    """The view."""


@dataclass(frozen=True, kw_only=True)
class ViewAsSettingChanged(News):
    """An organisation lets operators view as its people, or no longer."""

    topic = "view_as.setting_changed"

    organisation_id: str
    """The organisation."""
    before: dict[str, bool]
    """Whether it was allowed before."""
    after: dict[str, bool]
    """Whether it is allowed now."""
