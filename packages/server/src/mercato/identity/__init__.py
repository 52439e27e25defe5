"""Organisations, users, roles, keys, the Caller."""

from mercato.identity.authentication import Authentication, ProvenKeys
from mercato.identity.caller import Caller
from mercato.identity.device_login import DeviceCodes, DeviceLogins, Question
from mercato.identity.directory import Directory
from mercato.identity.introspect import KeyIntrospection
from mercato.identity.keys import Keys, NewKey
from mercato.identity.models import Key, Organisation, User
from mercato.identity.permissions import Permission, Role
from mercato.identity.refusals import DeviceCodeUnknown, NotAllowed, NotSignedIn
from mercato.identity.secrets import SecretHasher
from mercato.identity.sessions import Sessions, SessionTokens
from mercato.identity.sign_up import SignUp
from mercato.identity.tokens import AccessTokens

__all__ = [
    "AccessTokens",
    "Authentication",
    "Caller",
    "DeviceCodeUnknown",
    "DeviceCodes",
    "DeviceLogins",
    "Directory",
    "Key",
    "KeyIntrospection",
    "Keys",
    "NewKey",
    "NotAllowed",
    "NotSignedIn",
    "Organisation",
    "Permission",
    "ProvenKeys",
    "Question",
    "Role",
    "SecretHasher",
    "SessionTokens",
    "Sessions",
    "SignUp",
    "User",
]
