"""The hyper-parameters of the template `signal-train`, as the form asks for them. A test compares both."""

from dataclasses import dataclass
from typing import Literal

from mercato.console.forms import Form
from mercato.platform import Malformed
from mercato_contracts.training import HyperParameter

_MOST_MORE = 60


@dataclass(frozen=True, slots=True)
class HyperField:
    """One field. Its `default` is the template's; `step` is what a browser counts by."""

    name: str
    label: str
    kind: Literal["int", "float", "text"]
    default: str
    hint: str
    step: str = "1"


TEMPLATE: tuple[HyperField, ...] = (
    HyperField("trees", "Trees", "int", "120", "How many the model has."),
    HyperField("learning_rate", "Learning rate", "float", "0.03", "How much each tree corrects.", "any"),
    HyperField("leaves", "Leaves", "int", "7", "Of each tree, at most."),
    HyperField("least_rows", "Rows in a leaf", "int", "500", "At least so many."),
    HyperField("share_of_features", "Share of features", "float", "0.7", "Each tree sees so much of them.", "any"),
    HyperField(
        "features", "Features", "text", "", "Only those with one of these words, for example momentum,drawdown."
    ),
)


def read_hyper_parameters(form: Form) -> dict[str, HyperParameter]:
    """Fields that differ from the template's defaults, and lines of `NAME=VALUE`. Raises `Malformed`."""
    found: dict[str, HyperParameter] = {}
    for field in TEMPLATE:
        value = form.get(f"hp_{field.name}")
        if value and value != field.default:
            found[field.name] = _read(field.label, value, field.kind)
    lines = [line.strip() for line in form.raw("more").splitlines() if line.strip()]
    if len(lines) > _MOST_MORE:
        raise Malformed(f"There are more than {_MOST_MORE} further hyper-parameters.")
    for line in lines:
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise Malformed(f"{line[:60]!r} is not NAME=VALUE.")
        found[name.strip()[:64]] = _guess(value.strip())
    return found


def _read(label: str, value: str, kind: str) -> HyperParameter:
    try:
        if kind == "int":
            return int(value)
        return float(value) if kind == "float" else value[:200]
    except ValueError:
        raise Malformed(f"{label} must be a number.") from None


def _guess(value: str) -> HyperParameter:
    if value in ("true", "false"):
        return value == "true"
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value
