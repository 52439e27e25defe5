"""The settings as operators may see them: where each comes from, and no secret."""

import re

from pydantic import SecretStr

from mercato.app.settings import Settings
from mercato_contracts.masking import mask
from mercato_contracts.settings import SettingView

_HIDDEN = "(hidden)"
_CREDENTIALS = re.compile(r"(://)[^/@\s]+@")
_GENERATED = {
    "signing.key": "Signs sessions and seals stored answers and vendors' credentials",
    "data.key": "Obscures the ids of data rounds",
    "gateway.token": "What a gateway shows to the control plane",
}


def shown_settings(settings: Settings) -> tuple[SettingView, ...]:
    """Every field, and the secrets that are made at the first start."""
    shown = [_show(settings, name) for name in Settings.model_fields]
    made = [
        SettingView(name=name, value=_HIDDEN, source="generated", secret=True, description=description)
        for name, description in _GENERATED.items()
    ]
    return (*shown, *made)


def _show(settings: Settings, name: str) -> SettingView:
    field, value = Settings.model_fields[name], getattr(settings, name)
    is_secret = isinstance(value, SecretStr) or "SecretStr" in str(field.annotation)
    # `mercato up` hands every setting to its processes, so what equals the default counts as the default.
    source = "default" if value == field.default else "given"
    alias = field.validation_alias
    return SettingView.model_validate(
        {
            "name": alias if isinstance(alias, str) else f"MERCATO_{name.upper()}",
            "value": None if value is None else _HIDDEN if is_secret else _CREDENTIALS.sub(r"\1…@", mask(str(value))),
            "source": source,
            "secret": is_secret,
            "description": field.description or "",
        }
    )
