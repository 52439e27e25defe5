"""Which engine sends letters."""

from mercato.adapters.mail import FolderMail, SmtpMail
from mercato.app.settings import Settings
from mercato.platform import Clock, Mail


def build_mail(settings: Settings, clock: Clock) -> Mail:
    """The mail server that the settings name, or files in the folder of the state."""
    if settings.smtp_url is None:
        return FolderMail(settings.state / "mail", settings.mail_from, clock)
    return SmtpMail(settings.smtp_url.get_secret_value(), settings.mail_from, clock)
