"""What holds for every template: it names its API call and its command, which exist; its forms are done once."""

import json
import re
import shlex
from pathlib import Path

import click
import pytest

import mercato.console
from mercato_cli.main import main

TEMPLATES = Path(mercato.console.__file__).parent / "templates"
REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
_PARTS = {"parts.html", "charts.html", "price_form.html", "schema_fields.html"}
_BASES = {"base.html", "form_base.html", "status_base.html", "service_base.html"}
_ONLY_FOR_PEOPLE = {
    "device_done.html", "device_question.html", "error.html", "join.html", "join_done.html", "link_refused.html",
    "new_password.html", "new_password_done.html", "passkey_refused.html", "sso_continue.html", "sso_elsewhere.html",
    "sso_refused.html",
}  # fmt: skip
"""What a link in a letter or an error leads to."""
_EVERY = sorted(TEMPLATES.rglob("*.html"))
_SAME_TWICE = {
    "/zone", "/sign-out", "/view-as/end", "/budgets", "/desk/optimizer", "/device", "/device/decision", "/device/sso",
    "/forgot-password", "/keys//hold", "/keys//revoke", "/organisation/people//role", "/organisation/people//enable",
    "/organisation/invitations//withdraw", "/organisation/sessions/end-others", "/organisation/sessions//end",
    "/organisation/second-factors//remove", "/organisation/view-as", "/passkeys//remove", "/passkeys/new",
    "/organisations", "/prove", "/search/feedback", "/organisation/service-accounts//rights",
    "/organisation/service-accounts//enable", "/subscriptions", "/sign-in", "/sign-in/sso", "/webhooks//enabled", "",
}  # fmt: skip
"""Forms that, sent again, change nothing more, by the words of their address. The empty one is that of `sure`, whose
acts only end something, and of an authenticator, whose answer counts once."""
_CONDITIONAL = re.compile(r'\{\{[^}]*" ?[-a-z~ ]*"[^}]*\bif\b[^}]*\}\}')
_TAG = re.compile(r"\{[%#].*?[%#]\}")
_VALUE = re.compile(r"\{\{.*?\}\}")


def _name(template: Path) -> str:
    return str(template.relative_to(TEMPLATES))


def _plain(text: str) -> str:
    """A template's text with a word for each value; what only some pages have is left out."""
    without = _CONDITIONAL.sub("", text).replace("{{ page.name }}", "x/x").replace("{{ page.verb }}", "yank")
    return _VALUE.sub("x", _TAG.sub("", without)).replace("&amp;", "&").replace("{", "").replace("}", "")


def _block(text: str, name: str) -> str:
    found = re.search(r"\{% block " + name + r" %\}(.*?)\{% endblock %\}", text, re.DOTALL)
    return "" if found is None else found[1]


def _commands(text: str) -> set[str]:
    found = re.findall(r"<code>((?:mp|mercato) .*?)</code>", text)
    found += re.findall(r'"((?:mp|mercato) [^"]*)"', text)
    found += re.split(r", (?=mp |mercato )| · ", _block(text, "command"))
    return {_plain(each).strip() for each in found if each.startswith(("mp ", "mercato "))}


@pytest.mark.parametrize("template", _EVERY, ids=_name)
def test_a_page_names_its_call_and_its_command(template: Path) -> None:
    text = template.read_text()
    if template.name in _PARTS | _BASES | _ONLY_FOR_PEOPLE:
        return
    assert _block(text, "call"), "API call"
    assert _block(text, "command"), "command"


@pytest.mark.parametrize("template", _EVERY, ids=_name)
def test_a_template_leaves_what_it_may_not_do(template: Path) -> None:
    """The policy blocks inline styles and scripts, and a page carries no address of others."""
    text = template.read_text().replace('placeholder="https://example.com/hooks"', "").replace("https:…", "")
    for forbidden in (" style=", " onclick=", "javascript:", "|safe", "| safe", "http://", "https://"):
        assert forbidden not in text, forbidden


def test_the_calls_that_pages_name_are_routes() -> None:
    known = [
        (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), {verb.upper() for verb in operations})
        for document in ("openapi.json", "gateway-openapi.json")
        for path, operations in json.loads((REFERENCE / document).read_text())["paths"].items()
    ]
    wrong = []
    for template in _EVERY:
        call = _plain(_block(template.read_text(), "call"))
        # Verbs stand before the paths that they are of.
        verbs: set[str] = set()
        was_path = False
        for word in re.findall(r"[A-Z]{3,6}(?=[ ,])|/(?:api|v1)/[^\s,?·]+", call):
            if not word.startswith("/"):
                verbs = {word} if was_path else verbs | {word}
            elif not any(path.fullmatch(word) and verbs <= served for path, served in known):
                wrong.append(f"{_name(template)}: {sorted(verbs)} {word}")
            was_path = word.startswith("/")
    assert wrong == []


def test_the_commands_that_pages_name_can_be_typed() -> None:
    reference = (REFERENCE / "cli.md").read_text()
    wrong = []
    for template in _EVERY:
        for commands in sorted(_commands(template.read_text())):
            for command in commands.split(" && "):
                fault = _mercato_fault(command, reference) if command.startswith("mercato ") else _fault(command)
                if fault:
                    wrong.append(f"{_name(template)}: {command}: {fault}")
    assert wrong == []


def _fault(text: str) -> str:
    """What is wrong with a command of `mp`; empty where it can be typed."""
    words = shlex.split(text)[1:]
    command: click.Command = main
    context = click.Context(main, info_name="mp")
    while isinstance(command, click.Group):
        following = command.get_command(context, words[0]) if words else None
        if following is None:
            return f"no command {words[0]}" if words else "a command is missing"
        command, context = following, click.Context(following, parent=context, info_name=words.pop(0))
    try:
        _, left, _ = command.make_parser(context).parse_args(words)
    except click.UsageError as error:
        return error.format_message()
    return f"{left} is too much" if left else ""


def _mercato_fault(text: str, reference: str) -> str:
    words = text.split()
    most = words[: 3 if len(words) > 2 and not words[2].startswith("-") else 2]
    return "" if f"`{' '.join(most)}`" in reference or f"`{' '.join(words[:2])}`" in reference else "no such command"


@pytest.mark.parametrize("template", _EVERY, ids=_name)
def test_a_form_that_makes_something_is_done_once(template: Path) -> None:
    """Two clicks, or a reload, are one form: it holds what tells it from every other."""
    twice = []
    for form in re.findall(r'<form\b[^>]*method="post".*?</form>', template.read_text(), re.DOTALL):
        action = re.search(r'action="(\{\{.*?\}\})"', form)
        words = "".join(re.findall(r'"(/[^"]*)"', action[1])) if action else "its own page"
        if "once()" not in form and words not in _SAME_TWICE:
            twice.append(words)
    assert twice == []
