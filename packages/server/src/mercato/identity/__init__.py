"""Organisations, users, roles, keys, the Caller."""

from mercato.identity.actors import Actor, Actors
from mercato.identity.allowance import PER_MINUTE, Allowances, Taken
from mercato.identity.attempts import Attempts
from mercato.identity.authentication import TOKEN_PREFIX, Authentication, ProvenKeys
from mercato.identity.caller import Caller
from mercato.identity.deployment_tokens import DeploymentTokens, NewToken, ProvenToken, RememberedTokens
from mercato.identity.device_login import DeviceCodes, DeviceLogins, Question
from mercato.identity.directory import Directory
from mercato.identity.introspect import KeyIntrospection
from mercato.identity.keys import DrawnSecret, Keys, NewKey, draw_secret, newest_keys
from mercato.identity.known_devices import KnownDevices
from mercato.identity.models import DeploymentToken, Key, Organisation, User
from mercato.identity.news import KeyChanged, OrganisationCreated, SignedIn, TokenIssued
from mercato.identity.permissions import Permission, Role
from mercato.identity.proofs import KeyProof, PasswordProof
from mercato.identity.refusals import (
    DeviceCodeUnknown,
    ExchangeRefused,
    GrantTypeUnknown,
    NotAllowed,
    NotSignedIn,
    TargetUnknown,
)
from mercato.identity.secrets import HashedSecret, SecretHasher
from mercato.identity.sessions import Sessions, SessionTokens
from mercato.identity.sign_in import tell_sign_in
from mercato.identity.sign_up import SignUp
from mercato.identity.tokens import AccessTokens

__all__ = [
    "PER_MINUTE",
    "TOKEN_PREFIX",
    "AccessTokens",
    "Actor",
    "Actors",
    "Allowances",
    "Attempts",
    "Authentication",
    "Caller",
    "DeploymentToken",
    "DeploymentTokens",
    "DeviceCodeUnknown",
    "DeviceCodes",
    "DeviceLogins",
    "Directory",
    "DrawnSecret",
    "ExchangeRefused",
    "GrantTypeUnknown",
    "HashedSecret",
    "Key",
    "KeyChanged",
    "KeyIntrospection",
    "KeyProof",
    "Keys",
    "KnownDevices",
    "NewKey",
    "NewToken",
    "NotAllowed",
    "NotSignedIn",
    "Organisation",
    "OrganisationCreated",
    "PasswordProof",
    "Permission",
    "ProvenKeys",
    "ProvenToken",
    "Question",
    "RememberedTokens",
    "Role",
    "SecretHasher",
    "SessionTokens",
    "Sessions",
    "SignUp",
    "SignedIn",
    "Taken",
    "TargetUnknown",
    "TokenIssued",
    "User",
    "draw_secret",
    "newest_keys",
    "tell_sign_in",
]
