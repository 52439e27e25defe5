"""What identity refuses."""

from typing import ClassVar

from mercato.platform import Conflict, NotFound, Refusal
from mercato_contracts.problem import Problem


class NotSignedIn(Refusal):
    """No credential, or none that is valid."""

    code = "not_signed_in"
    status = 401
    title = "Not signed in"
    fix = "Send `Authorization: Bearer` with a key or a session's access token; `POST /api/sessions` gives one."


class OrganisationSuspended(NotSignedIn):
    """The operator suspended the organisation of the key or person."""

    code = "organisation_suspended"
    status = 403
    title = "The organisation is suspended"
    fix = "Ask the marketplace's operator. Your data stays, and your keys work again once you are reinstated."

    def __init__(self, slug: str) -> None:
        super().__init__(f"The operator suspended the organisation {slug}.", organisation=slug)


class KeyHeldElsewhere(Refusal):
    """The key is held to addresses, and the request comes from another."""

    code = "key_held_to_addresses"
    status = 403
    title = "The key is held to other addresses"
    fix = "Send it from one of its addresses; `mp keys list` shows them, and `mp keys hold` changes them."


class WrongPassword(Refusal):
    """The address or the password is wrong; the response does not say which of the two."""

    code = "wrong_password"
    status = 401
    title = "Wrong address or password"
    fix = "Check both and try again."


class SecondFactorNeeded(Refusal):
    """The password fits, and the account has a second factor."""

    code = "second_factor_needed"
    status = 401
    title = "A second factor is needed"
    fix = "Send `code` as well: six digits from your authenticator app, or a recovery code."


class WrongCode(Refusal):
    """The code of a second factor is wrong, too old, or was used before; the attempt counts."""

    code = "wrong_code"
    status = 401
    title = "Wrong code"
    fix = "Wait for the app's next code and try again; check the clock of its device. A recovery code works once."
    keeps_changes = True


class StepUpNeeded(Refusal):
    """This needs a proof of who is asking that is ten minutes old at most."""

    code = "step_up_needed"
    status = 403
    title = "Prove again who you are"
    fix = "Send your password, or a code where you have a second factor, to `POST /api/sessions/current/proof`."


class TooManySecondFactors(Conflict):
    """A person has as many second factors as they can have."""

    code = "too_many_second_factors"
    title = "Too many second factors"
    fix = "Remove one that you no longer use."


class PasskeyRefused(Refusal):
    """What an authenticator sent does not prove who signs in. The challenge is used up."""

    code = "passkey_refused"
    status = 401
    title = "The passkey is not accepted"
    fix = "Ask for new options and try again, on the marketplace's own address."
    keeps_changes = True


class TooManyPasskeys(Conflict):
    """A person has as many passkeys as they can have."""

    code = "too_many_passkeys"
    title = "Too many passkeys"
    fix = "Remove one that you no longer use."


class InvitationUnknown(NotFound):
    """The link of an invitation does not work, or no longer does."""

    code = "invitation_unknown"
    title = "The invitation does not work"
    fix = "Ask whoever invited you for a new one."


class ResetUnknown(NotFound):
    """The link for a new password does not work, or no longer does."""

    code = "password_reset_unknown"
    title = "The link does not work"
    fix = "Ask for a new one with `POST /api/password-resets`; it is good for an hour."


class TooManyAttempts(Refusal):
    """Too many attempts on this account failed; it takes none for a while, right or wrong."""

    code = "too_many_attempts"
    status = 429
    title = "Too many failed attempts"
    fix = "Wait as long as `Retry-After` says. Sessions, and devices that signed in before, are not affected."

    def __init__(self, seconds: int) -> None:
        super().__init__(
            f"Too many attempts on this account failed. Try again in {seconds} s.", retry_after_seconds=seconds
        )


class HashingBusy(Refusal):
    """Too many passwords and keys wait to be checked."""

    code = "sign_in_busy"
    status = 429
    title = "Too many passwords and keys are being checked"
    fix = "Wait as long as `Retry-After` says and try again."

    def __init__(self, seconds: int) -> None:
        seconds = max(1, seconds)
        super().__init__(
            f"Too many passwords and keys wait to be checked. Try again in {seconds} s.", retry_after_seconds=seconds
        )


class SessionEnded(Refusal):
    """The refresh token was used before, has expired or its session was ended."""

    code = "session_ended"
    status = 401
    title = "The session has ended"
    fix = "Sign in again with `POST /api/sessions`."


class RefreshTokenReused(SessionEnded):
    """A refresh token came a second time: somebody has a copy, so the whole session is ended."""

    keeps_changes = True


class DeviceLoginRefused(Refusal):
    """A device gets no tokens (yet). `error` is what OAuth calls it: RFC 8628, section 3.5."""

    status = 400
    error: ClassVar[str] = "invalid_grant"

    def to_problem(self, request_id: str | None = None) -> Problem:
        problem = super().to_problem(request_id).model_dump()
        return Problem(**problem, error=self.error, error_description=self.detail)


class AuthorizationPending(DeviceLoginRefused):
    """The person has not decided yet; the time of the request is kept."""

    code = "authorization_pending"
    title = "Nobody has decided yet"
    fix = "Ask again after the interval."
    error = "authorization_pending"
    keeps_changes = True


class DevicePollsTooFast(DeviceLoginRefused):
    """The device polls faster than its interval allows; the interval grows by five seconds."""

    code = "slow_down"
    title = "The device polls too often"
    fix = "Add five seconds to the interval and ask again after it."
    error = "slow_down"
    keeps_changes = True


class DeviceDenied(DeviceLoginRefused):
    """The person denied the login."""

    code = "access_denied"
    title = "The login was denied"
    fix = "Start again with `mp login` if it was a mistake."
    error = "access_denied"


class DeviceCodeExpired(DeviceLoginRefused):
    """Nobody decided in time."""

    code = "device_code_expired"
    title = "The login took too long"
    fix = "Start again with `mp login`."
    error = "expired_token"


class DeviceCodeUnknown(DeviceLoginRefused):
    """No device was given this code, or it was used."""

    code = "device_code_unknown"
    title = "The device code is not known"
    fix = "Start again with `mp login`."


class UserCodeUnknown(NotFound):
    """No device waits with the code that a person typed; the attempt is counted."""

    keeps_changes = True

    code = "user_code_unknown"
    title = "No device waits with this code"
    fix = "Check the letters; start again with `mp login` when ten minutes have passed."


class NotAllowed(Refusal):
    """The caller is known and may not do this."""

    code = "not_allowed"
    status = 403
    title = "Not allowed"
    fix = "Ask an administrator of your organisation for a role or key that may."


class OperatorStays(Conflict):
    """The operator's own organisation runs the marketplace."""

    code = "operator_organisation"
    title = "This is the operator's own organisation"
    fix = "Disable single people instead; the last super_admin stays."


class LastAdministrator(Conflict):
    """Nobody else could run the organisation."""

    code = "last_administrator"
    title = "This is the last administrator"
    fix = "Give another person the role first."


class SlugTaken(Conflict):
    """Another organisation has this name."""

    code = "organisation_name_taken"
    title = "The organisation's name is taken"
    fix = "Choose another `slug`."


class EmailTaken(Conflict):
    """A user with this address exists."""

    code = "email_taken"
    title = "The address is taken"
    fix = "Sign in, or use another address."


class KeyNotFound(NotFound):
    """The caller's organisation has no such key."""

    code = "key_not_found"
    title = "No such key"
    fix = "`GET /api/keys` lists the keys of your organisation."


class KeyIsOver(Conflict):
    """The key was revoked, has expired or was rotated already."""

    code = "key_is_over"
    title = "The key is no longer in force"
    fix = "Make a new key with `POST /api/keys`."


class ExchangeRefused(Refusal):
    """A token exchange that is refused. `error` is what OAuth calls it (RFC 6749, 5.2; RFC 8693, 2.2.2)."""

    code = "token_exchange_refused"
    status = 400
    title = "The token exchange is refused"
    fix = "Send the form of RFC 8693 with a vendor key in force as `subject_token`; `mp deployments token` does."
    error: ClassVar[str] = "invalid_request"

    def to_problem(self, request_id: str | None = None) -> Problem:
        problem = super().to_problem(request_id).model_dump()
        return Problem(**problem, error=self.error, error_description=self.detail)


class GrantTypeUnknown(ExchangeRefused):
    """The form asks for an unsupported grant."""

    code = "grant_type_unsupported"
    title = "The grant type is not supported"
    fix = "Send `grant_type` as one of those that `detail` names; `mp login` and `mp deployments token` do."
    error = "unsupported_grant_type"


class TargetUnknown(ExchangeRefused):
    """`audience` names no deployment of the subject's organisation."""

    code = "token_target_unknown"
    title = "No such deployment of yours"
    fix = "`GET /api/deployments` lists the deployments of your organisation."
    error = "invalid_target"


class TokenScopesTooWide(ExchangeRefused):
    """A token may only be narrower than the key that it is exchanged for."""

    code = "token_scopes_too_wide"
    title = "The token's scopes are too wide"
    fix = "Leave out the scopes named under `facts.refused`."
    error = "invalid_scope"


class ScopesTooWide(Refusal):
    """A key may not carry more than its kind allows or than its maker may do."""

    code = "scopes_too_wide"
    status = 422
    title = "The key's scopes are too wide"
    fix = "Leave out the scopes named under `facts.refused`."
