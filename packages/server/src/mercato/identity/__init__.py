"""Organisations, users, roles, keys, the Caller.

* *Caller*: whoever sends a request: an organisation, an actor (user, key or token) and what they may do.
* *Role*: what a person may do in an organisation; *permission*: one thing that code asks for.
* *Key*: `ck_…` for consumers, `vk_…` for vendors; only its hash is kept.
* *Lineage*: a key and the keys that replaced it; limits and budgets count them as one.
* *Deployment token*: `sit_…`, a short-lived credential of one deployment, made from a vendor key.
* *Proof*: the slow check of a key or password against its hash, done before the transaction.
"""

from mercato.identity.actors import Actor, Actors
from mercato.identity.allowance import PER_MINUTE, Allowances, Taken
from mercato.identity.attempts import Attempts
from mercato.identity.authentication import TOKEN_PREFIX, Authentication, ProvenKeys
from mercato.identity.browser_sessions import BrowserSessions, SignedInPerson
from mercato.identity.caller import Caller, ViewOf
from mercato.identity.deployment_tokens import DeploymentTokens, NewToken, ProvenToken, RememberedTokens
from mercato.identity.device_login import DeviceCodes, DeviceLogins, Question
from mercato.identity.directory import Directory
from mercato.identity.erasing import KnownPerson, Missed, Subjects
from mercato.identity.introspect import KeyIntrospection
from mercato.identity.invitations import Invitations, NewInvitation
from mercato.identity.issuers import IssuerAddresses
from mercato.identity.keys import DrawnSecret, KeyHold, Keys, NewKey, draw_secret, keys_of_lineage, newest_keys
from mercato.identity.known_devices import KnownDevices
from mercato.identity.letter_box import Composer, LetterBox, find_address
from mercato.identity.links import LinkTokens
from mercato.identity.members import Members
from mercato.identity.membership_models import Membership
from mercato.identity.memberships import Memberships, Place
from mercato.identity.models import (
    DeploymentToken,
    Invitation,
    Key,
    LoginSession,
    Organisation,
    Passkey,
    SecondFactor,
    SsoAccount,
    SsoProvider,
    User,
)
from mercato.identity.named_rows import NamedOrganisation, named_organisations
from mercato.identity.news import (
    GroupProvisioned,
    InvitationAccepted,
    InvitationMade,
    InvitationWithdrawn,
    KeyChanged,
    MembershipChanged,
    OrganisationChanged,
    OrganisationCreated,
    PasskeyChanged,
    PasswordChanged,
    PasswordResetAsked,
    PersonProvisioned,
    ScimSettingsChanged,
    ScimTokenChanged,
    SecondFactorChanged,
    ServiceAccountChanged,
    SessionsEnded,
    SignedIn,
    SsoAccountChanged,
    SsoProviderChanged,
    TokenIssued,
    UserChanged,
    ViewAsBegan,
    ViewAsEnded,
    ViewAsSettingChanged,
)
from mercato.identity.oidc import Claims, OpenIdConnect, RelyingParty, check_issuer
from mercato.identity.passkeys import Passkeys, Site
from mercato.identity.passwords import Passwords, Proof
from mercato.identity.permissions import KEY_SCOPES, OPERATOR_ONLY, PERMISSIONS, Permission, Role, permissions_of
from mercato.identity.person_keys import Keyring, PersonKeys, is_person, is_sealed, keyring_of
from mercato.identity.post import LetterLinks, Post
from mercato.identity.proofs import KeyProof, PasswordProof
from mercato.identity.refusals import (
    DeviceCodeUnknown,
    ExchangeRefused,
    GrantTypeUnknown,
    KeyHeldElsewhere,
    LastAdministrator,
    NotAllowed,
    NotSignedIn,
    OrganisationSuspended,
    StepUpNeeded,
    TargetUnknown,
)
from mercato.identity.rights import every_permission, key_rights, rights_of
from mercato.identity.scim_bounds import check_size
from mercato.identity.scim_facts import Found, GroupFacts, KnownScimGroup, KnownScimPerson, PersonFacts
from mercato.identity.scim_groups import ScimGroups
from mercato.identity.scim_models import ScimSettings, ScimToken
from mercato.identity.scim_people import ScimPeople
from mercato.identity.scim_refusals import ScimMalformed, ScimNotOffered
from mercato.identity.scim_rows import Window
from mercato.identity.scim_tokens import PREFIX as SCIM_PREFIX
from mercato.identity.scim_tokens import NewScimToken, ScimAccess, ScimTokens
from mercato.identity.sealed_rows import SEALED
from mercato.identity.second_factors import FactorSeal, NewFactor, SecondFactors
from mercato.identity.secrets import HashedSecret, SecretHasher
from mercato.identity.service_accounts import (
    ACCOUNT_RIGHTS,
    KnownServiceAccount,
    ServiceAccounts,
    names_of_accounts,
)
from mercato.identity.sessions import Client, Sessions, SessionTokens
from mercato.identity.sign_in import tell_sign_in
from mercato.identity.sign_up import SignUp
from mercato.identity.sso import CALLBACK, Begun, Outcome, SingleSignOn
from mercato.identity.sso import Answer as SsoAnswer
from mercato.identity.sso import Taken as SsoTaken
from mercato.identity.sso_providers import ProviderSettings, SsoProviders
from mercato.identity.sso_secrets import SsoSecrets
from mercato.identity.standing import Standing
from mercato.identity.standing_rows import OrganisationState
from mercato.identity.tokens import AccessTokens
from mercato.identity.view_as import ViewedPerson, Views, seen_through
from mercato.identity.view_as_refusals import ViewAsReadsOnly

__all__ = [
    "ACCOUNT_RIGHTS",
    "CALLBACK",
    "KEY_SCOPES",
    "OPERATOR_ONLY",
    "PERMISSIONS",
    "PER_MINUTE",
    "SCIM_PREFIX",
    "SEALED",
    "TOKEN_PREFIX",
    "AccessTokens",
    "Actor",
    "Actors",
    "Allowances",
    "Attempts",
    "Authentication",
    "Begun",
    "BrowserSessions",
    "Caller",
    "Claims",
    "Client",
    "Composer",
    "DeploymentToken",
    "DeploymentTokens",
    "DeviceCodeUnknown",
    "DeviceCodes",
    "DeviceLogins",
    "Directory",
    "DrawnSecret",
    "ExchangeRefused",
    "FactorSeal",
    "Found",
    "GrantTypeUnknown",
    "GroupFacts",
    "GroupProvisioned",
    "HashedSecret",
    "Invitation",
    "InvitationAccepted",
    "InvitationMade",
    "InvitationWithdrawn",
    "Invitations",
    "IssuerAddresses",
    "Key",
    "KeyChanged",
    "KeyHeldElsewhere",
    "KeyHold",
    "KeyIntrospection",
    "KeyProof",
    "Keyring",
    "Keys",
    "KnownDevices",
    "KnownPerson",
    "KnownScimGroup",
    "KnownScimPerson",
    "KnownServiceAccount",
    "LastAdministrator",
    "LetterBox",
    "LetterLinks",
    "LinkTokens",
    "LoginSession",
    "Members",
    "Membership",
    "MembershipChanged",
    "Memberships",
    "Missed",
    "NamedOrganisation",
    "NewFactor",
    "NewInvitation",
    "NewKey",
    "NewScimToken",
    "NewToken",
    "NotAllowed",
    "NotSignedIn",
    "OpenIdConnect",
    "Organisation",
    "OrganisationChanged",
    "OrganisationCreated",
    "OrganisationState",
    "OrganisationSuspended",
    "Outcome",
    "Passkey",
    "PasskeyChanged",
    "Passkeys",
    "PasswordChanged",
    "PasswordProof",
    "PasswordResetAsked",
    "Passwords",
    "Permission",
    "Person",
    "PersonFacts",
    "PersonKeys",
    "PersonProvisioned",
    "Place",
    "Post",
    "Proof",
    "ProvenKeys",
    "ProvenToken",
    "ProviderSettings",
    "Question",
    "RelyingParty",
    "RememberedTokens",
    "Role",
    "ScimAccess",
    "ScimGroups",
    "ScimMalformed",
    "ScimNotOffered",
    "ScimPeople",
    "ScimSettings",
    "ScimSettingsChanged",
    "ScimToken",
    "ScimTokenChanged",
    "ScimTokens",
    "SecondFactor",
    "SecondFactorChanged",
    "SecondFactors",
    "SecretHasher",
    "ServiceAccountChanged",
    "ServiceAccounts",
    "SessionTokens",
    "Sessions",
    "SessionsEnded",
    "SignUp",
    "SignedIn",
    "SignedInPerson",
    "SingleSignOn",
    "Site",
    "SsoAccount",
    "SsoAccountChanged",
    "SsoAnswer",
    "SsoProvider",
    "SsoProviderChanged",
    "SsoProviders",
    "SsoSecrets",
    "SsoTaken",
    "Standing",
    "StepUpNeeded",
    "Subjects",
    "Taken",
    "TargetUnknown",
    "TokenIssued",
    "User",
    "UserChanged",
    "ViewAsBegan",
    "ViewAsEnded",
    "ViewAsReadsOnly",
    "ViewAsSettingChanged",
    "ViewOf",
    "ViewedPerson",
    "Views",
    "Window",
    "check_issuer",
    "check_size",
    "draw_secret",
    "every_permission",
    "find_address",
    "is_person",
    "is_sealed",
    "key_rights",
    "keyring_of",
    "keys_of_lineage",
    "named_organisations",
    "names_of_accounts",
    "newest_keys",
    "permissions_of",
    "rights_of",
    "seen_through",
    "tell_sign_in",
]
