"""The data map of identity: most of what the marketplace knows of people."""

from mercato.identity.membership_models import Membership
from mercato.identity.models import (
    DeploymentAllowance,
    DeploymentToken,
    DeviceLogin,
    FailedAttempts,
    Invitation,
    Key,
    LoginSession,
    Organisation,
    Passkey,
    PasskeyChallenge,
    PasswordReset,
    PendingLetter,
    PersonKey,
    RecoveryCode,
    SecondFactor,
    SsoAccount,
    SsoProvider,
    SsoSignIn,
    User,
)
from mercato.identity.scim_models import FormerName, ScimGroup, ScimMember, ScimPerson, ScimSettings, ScimToken
from mercato.identity.service_account_models import ServiceAccount
from mercato.identity.view_as_models import View
from mercato.platform import (
    OPERATION,
    WITH_ACCOUNT,
    WITH_ORGANISATION,
    ColumnKind,
    ColumnNote,
    Erased,
    Keep,
    LegalBasis,
    describe,
)

_GONE = Erased.ROW

describe(Organisation, "Who buys and sells. It is no person.", LegalBasis.CONTRACT, WITH_ORGANISATION,
         ids="id", facts="slug is_operator is_verified allows_views", times="created_at suspended_at",
         words="name suspended_reason",
)  # fmt: skip
describe(
    User,
    "People who sign in.",
    LegalBasis.CONTRACT,
    WITH_ACCOUNT,
    ids="organisation_id",
    people="id",
    facts="role",
    times="created_at disabled_at",
    more={
        "email": ColumnNote(
            ColumnKind.CONTACT, "Signing in, and letters that the person asked for.", blank="{id}@erased.invalid"
        ),
        "name": ColumnNote(ColumnKind.CONTACT, "Colleagues see who did what.", blank="Erased person"),
        "password_hash": ColumnNote(ColumnKind.SECRET, "Signing in.", Erased.BLANKED, blank="erased"),
    },
)
describe(
    LoginSession,
    "Where a person is signed in.",
    LegalBasis.CONTRACT,
    Keep(days=90, since="expires_at"),
    ids="id organisation_id view_id",
    times="created_at expires_at ended_at used_at proved_at",
    more={
        "user_id": ColumnNote(ColumnKind.PERSON, "Whose session it is.", _GONE),
        "refresh_digest": ColumnNote(ColumnKind.SECRET, "Renewing the session.", _GONE),
        "device": ColumnNote(ColumnKind.PLACE, "The person tells sessions apart by it.", _GONE),
        "network": ColumnNote(ColumnKind.PLACE, "The person sees where from they are signed in.", _GONE),
    },
)
describe(
    SecondFactor,
    "Authenticator apps.",
    LegalBasis.CONTRACT,
    WITH_ACCOUNT,
    ids="id",
    times="created_at confirmed_at used_at",
    measures="last_step",
    more={
        "user_id": ColumnNote(ColumnKind.PERSON, "Whose app it is.", _GONE),
        "name": ColumnNote(ColumnKind.WORDS, "The person tells apps apart by it.", _GONE),
        "sealed_secret": ColumnNote(ColumnKind.SECRET, "Checking codes.", _GONE),
    },
)
describe(
    RecoveryCode,
    "Codes that stand in for an authenticator app.",
    LegalBasis.CONTRACT,
    WITH_ACCOUNT,
    times="created_at used_at",
    more={
        "digest": ColumnNote(ColumnKind.SECRET, "Checking a code.", _GONE),
        "user_id": ColumnNote(ColumnKind.PERSON, "Whose code it is.", _GONE),
    },
)
describe(
    Invitation,
    "Addresses that may join an organisation.",
    LegalBasis.CONTRACT,
    Keep(days=90, since="expires_at"),
    ids="id organisation_id",
    people="invited_by",
    facts="role",
    times="created_at expires_at accepted_at withdrawn_at",
    more={"email": ColumnNote(ColumnKind.CONTACT, "Where the letter goes, and who may join.", Erased.MASKED)},
)
describe(
    PasswordReset,
    "Links for a new password.",
    LegalBasis.CONTRACT,
    Keep(days=1, since="expires_at", chore="old letters and links"),
    ids="id",
    times="created_at expires_at used_at",
    more={"user_id": ColumnNote(ColumnKind.PERSON, "Whose password it is.", _GONE)},
)
describe(PendingLetter, "Letters to be sent; their text is not kept.", LegalBasis.CONTRACT,
         Keep(days=30, since="created_at", chore="old letters and links"),
         ids="id subject_id", facts="kind", measures="attempts", times="created_at due_at sent_at failed_at",
         words="error")  # fmt: skip
describe(
    DeviceLogin,
    "Devices that wait for a person's approval.",
    LegalBasis.CONTRACT,
    Keep(days=1, since="expires_at", chore="old device logins"),
    ids="id",
    facts="state",
    measures="interval_seconds",
    times="created_at expires_at asked_at proved_at",
    secrets="device_digest user_code confirmation_digest",
    more={
        "user_id": ColumnNote(ColumnKind.PERSON, "Who approved it.", _GONE),
        "device": ColumnNote(ColumnKind.PLACE, "The person sees what they approve.", _GONE),
    },
)
describe(Key, "Keys of organisations.", LegalBasis.CONTRACT, WITH_ORGANISATION,
         ids="id organisation_id rotated_to lineage_id service_account_id", people="created_by", words="name",
         secrets="secret_hash", facts="kind scopes held_services held_addresses",
         times="created_at expires_at revoked_at")  # fmt: skip
describe(ServiceAccount, "Programs that act for organisations. They are no people.", LegalBasis.CONTRACT,
         WITH_ORGANISATION, ids="id organisation_id", people="created_by disabled_by", facts="rights",
         words="name purpose", times="created_at disabled_at")  # fmt: skip
describe(DeploymentToken, "Credentials of running deployments.", LegalBasis.CONTRACT, Keep(days=90, since="expires_at"),
         ids="id organisation_id deployment_id subject_key_id", facts="scopes", secrets="secret_digest",
         times="created_at expires_at revoked_at")  # fmt: skip
describe(
    FailedAttempts,
    "How often somebody failed to prove themselves.",
    LegalBasis.INTEREST,
    Keep(days=1, since="failed_at", chore="old failed attempts"),
    measures="failures",
    times="failed_at blocked_until",
    more={
        "name": ColumnNote(
            ColumnKind.SECRET, "A digest of what was attacked, such as an address; nobody can read it back."
        )
    },
)
describe(DeploymentAllowance, "How many requests a deployment may still make.", LegalBasis.INTEREST, OPERATION,
         ids="deployment_id", times="full_at")  # fmt: skip
describe(
    PersonKey,
    "Keys of people, for what is written once.",
    LegalBasis.CONTRACT,
    WITH_ACCOUNT,
    people="person_id",
    times="made_at destroyed_at",
    more={"key": ColumnNote(ColumnKind.SECRET, "Opens what names the person.", Erased.BLANKED)},
)
describe(SsoProvider, "Organisations' identity providers.", LegalBasis.CONTRACT, WITH_ORGANISATION,
         ids="organisation_id", facts="issuer client_id groups_claim role_of_group default_role domains has_passwords",
         secrets="sealed_secret", times="created_at changed_at worked_at")  # fmt: skip
describe(
    SsoAccount,
    "Who a subject of an identity provider is here.",
    LegalBasis.CONTRACT,
    WITH_ACCOUNT,
    ids="organisation_id",
    facts="issuer",
    times="created_at signed_in_at disabled_at",
    more={
        "subject": ColumnNote(ColumnKind.CONTACT, "The provider's own name for the person.", _GONE),
        "user_id": ColumnNote(ColumnKind.PERSON, "Whose account it is.", _GONE),
    },
)
describe(
    SsoSignIn,
    "Sign-ins under way at identity providers.",
    LegalBasis.CONTRACT,
    Keep(days=1, since="expires_at", chore="old sign-ins at providers"),
    ids="organisation_id session_id",
    facts="issuer client_id purpose",
    secrets="state_digest binding_digest user_code",
    times="created_at expires_at used_at",
    more={"user_id": ColumnNote(ColumnKind.PERSON, "Who links an account or proves themselves.", _GONE)},
)
describe(
    Passkey,
    "Public halves of key pairs that people sign in with.",
    LegalBasis.CONTRACT,
    WITH_ACCOUNT,
    ids="id",
    measures="sign_count",
    times="created_at used_at",
    more={
        "user_id": ColumnNote(ColumnKind.PERSON, "Whose passkey it is.", _GONE),
        "credential_id": ColumnNote(ColumnKind.SECRET, "The authenticator finds it by this.", _GONE),
        "public_key": ColumnNote(ColumnKind.SECRET, "Checking signatures.", _GONE),
        "name": ColumnNote(ColumnKind.WORDS, "The person tells passkeys apart by it.", _GONE),
    },
)
describe(
    PasskeyChallenge,
    "What authenticators sign next.",
    LegalBasis.CONTRACT,
    Keep(days=1, since="expires_at", chore="old challenges"),
    times="expires_at",
    secrets="digest",
    more={"user_id": ColumnNote(ColumnKind.PERSON, "Who adds a passkey.", _GONE)},
)
describe(ScimToken, "What identity providers show to keep people by SCIM.", LegalBasis.CONTRACT, WITH_ORGANISATION,
         ids="id organisation_id", people="created_by", words="name", secrets="secret_digest",
         times="created_at expires_at revoked_at used_at")  # fmt: skip
describe(ScimSettings, "What the groups of identity providers mean.", LegalBasis.CONTRACT, WITH_ORGANISATION,
         ids="organisation_id", facts="role_of_group default_role", times="changed_at")  # fmt: skip
_SAYS = "What the organisation's identity provider says of the person, for it to find again."
describe(
    ScimPerson,
    "People whom identity providers keep.",
    LegalBasis.CONTRACT,
    WITH_ACCOUNT,
    ids="organisation_id",
    facts="is_led",
    times="created_at changed_at disabled_at removed_at",
    more={
        "user_id": ColumnNote(ColumnKind.PERSON, "Who it is.", _GONE),
        **{
            name: ColumnNote(ColumnKind.CONTACT, _SAYS, _GONE)
            for name in (
                "user_name", "name_key", "external_id", "display_name", "formatted_name", "given_name", "family_name",
                "emails",
            )
        },
    },
)  # fmt: skip
describe(ScimGroup, "Groups that identity providers keep.", LegalBasis.CONTRACT, WITH_ORGANISATION,
         ids="id organisation_id external_id", facts="display_name name_key",
         times="created_at changed_at")  # fmt: skip
describe(
    ScimMember,
    "Who is in which group.",
    LegalBasis.CONTRACT,
    WITH_ACCOUNT,
    ids="group_id",
    more={"user_id": ColumnNote(ColumnKind.PERSON, "The member.", _GONE)},
)
describe(
    FormerName,
    "Names and addresses that people had before: an erasure looks for these too.",
    LegalBasis.LAW,
    WITH_ACCOUNT,
    times="until",
    more={
        "user_id": ColumnNote(ColumnKind.PERSON, "Who it is.", _GONE),
        "email": ColumnNote(ColumnKind.CONTACT, "The address.", _GONE),
        "name": ColumnNote(ColumnKind.CONTACT, "The name.", _GONE),
    },
)
describe(
    Membership,
    "Organisations that people are in beside their own.",
    LegalBasis.CONTRACT,
    WITH_ACCOUNT,
    ids="organisation_id",
    people="invited_by",
    facts="role",
    times="created_at",
    more={"user_id": ColumnNote(ColumnKind.PERSON, "Who it is.", _GONE)},
)
describe(
    View,
    "Which operators looked at what an organisation's people see, and why.",
    LegalBasis.INTEREST,
    Keep(days=730, since="ends_at"),
    ids="id session_id organisation_id",
    people="viewed_by user_id",
    times="began_at ends_at ended_at",
    words="reason",
)
