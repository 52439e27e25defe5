"""What single sign-on refuses."""

from mercato.platform import Conflict, NotFound, Refusal


class SsoRefused(Refusal):
    """A sign-in through an identity provider that is refused."""

    status = 403
    title = "The sign-in is refused"
    fix = "Ask an administrator of your organisation."


class IssuerRefused(Refusal):
    """The address of an identity provider is not one that the marketplace may call."""

    code = "sso_address_refused"
    status = 422
    title = "The provider's address is refused"
    fix = "Give the issuer as an https address on a public host, exactly as the provider writes it."


class ProviderFailed(Refusal):
    """The identity provider cannot be reached, or what it answers is not OpenID Connect."""

    code = "sso_provider_failed"
    status = 502
    title = "The identity provider does not answer as it should"
    fix = "Try again; if it keeps failing, check the issuer's address and the provider itself."


class ProviderUnknown(NotFound):
    """The organisation has no identity provider, or there is no such organisation; the two are not distinguished."""

    code = "sso_not_configured"
    title = "No identity provider"
    fix = "Check the organisation's name, or sign in with a password. An administrator sets one up with `PUT /api/sso`."


class SsoSignInUnknown(Refusal):
    """No sign-in is waiting for this response: it came twice, too late, or to somebody who did not begin it."""

    code = "sso_sign_in_unknown"
    status = 401
    title = "No sign-in is waiting for this response"
    fix = "Start again, in the same browser or program."


class SsoTokenRefused(Refusal):
    """What the identity provider sent does not prove who signed in."""

    code = "sso_token_refused"
    status = 401
    title = "The provider's proof is not accepted"
    fix = "Start again; if it keeps failing, show this to whoever runs the identity provider."


class SsoDenied(Refusal):
    """The person or the identity provider ended the sign-in."""

    code = "sso_denied"
    status = 401
    title = "Nobody signed in at the provider"
    fix = "Start again, or ask whoever runs the identity provider."


class SsoEmailUnverified(SsoRefused):
    """A first sign-in whose mail address the provider does not call verified."""

    code = "sso_email_unverified"
    title = "The mail address is not verified"
    fix = "Let the identity provider verify the address and send `email_verified` as true."


class SsoNotInvited(SsoRefused):
    """Somebody signs in whom nobody invited, from a domain that may not join by itself."""

    code = "sso_not_invited"
    title = "Nobody invited this address"
    fix = "Ask an administrator for an invitation, or let them add the mail domain to the provider's settings."


class SsoDomainRefused(SsoRefused):
    """The address is outside of the domains that the organisation's provider may speak for."""

    code = "sso_domain_refused"
    title = "The mail domain is not one of the organisation's"
    fix = "Use your address at the organisation, or let an administrator add the domain."


class SsoAddressElsewhere(SsoRefused):
    """The address is that of a person whom this provider may not speak for."""

    code = "sso_address_taken"
    title = "The address belongs to an account that this provider may not use"
    fix = "Sign in as you did before. An administrator of your organisation can unlink an old account."


class SsoAdministrator(SsoRefused):
    """An administrator's account is not linked by a mail address alone."""

    code = "sso_administrator"
    title = "An administrator's account is not linked by mail"
    fix = "Sign in with your password and link the account yourself: `mp sso link`."


class SsoMember(SsoRefused):
    """The account of somebody who belongs to another organisation too is not linked by a mail address alone."""

    code = "sso_member_elsewhere"
    title = "The account of a person of several organisations is not linked by mail"
    fix = "Sign in with your password and link the account yourself: `mp sso link`."


class SsoAlreadyLinked(Conflict):
    """The account at the provider, or the person, is bound already; neither is ever bound anew."""

    code = "sso_already_linked"
    title = "The account is linked already"
    fix = "Use that account, or let an administrator unlink it first."


class SsoNoRole(SsoRefused):
    """The provider's groups give the person no role here; their sessions and keys ended."""

    code = "sso_no_role"
    title = "Your groups give you no role"
    fix = "Ask whoever runs the identity provider for a group that has a role here."
    keeps_changes = True


class PersonDisabled(SsoRefused):
    """The person may not sign in."""

    code = "person_disabled"
    title = "This person may not sign in"
    fix = "Ask an administrator of your organisation to enable the person."


class SsoNotProvenYet(Conflict):
    """Passwords are switched off only once somebody signed in through the provider as it is configured."""

    code = "sso_not_proven_yet"
    title = "Nobody has signed in through the provider yet"
    fix = "Sign in through it once, then switch passwords off."


class PasswordsSwitchedOff(SsoRefused):
    """The organisation's people sign in through its identity provider."""

    code = "password_sign_in_off"
    title = "Passwords are switched off"
    fix = "Sign in through your organisation's identity provider: `mp login` and the page's second form."
