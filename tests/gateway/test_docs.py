"""The documentation's tables are the code's."""

import argparse
from dataclasses import fields
from pathlib import Path

from mercato_gateway.codes import CODES
from mercato_gateway.settings import Settings, add_arguments

_PAGES = Path(__file__).resolve().parents[2] / "docs" / "gateway"
_CODES = (_PAGES / "codes.md").read_text()
_SETTINGS = (_PAGES / "settings.md").read_text()


def test_every_code_stands_in_the_documentation() -> None:
    for code in CODES.values():
        assert f"| `{code.name}` | {code.status} | {code.title} | {code.fix} |" in _CODES


def test_every_setting_stands_in_the_documentation() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    help_of = {action.dest: action.help for action in parser._actions}
    for field in fields(Settings):
        row = f"| `--{field.name.replace('_', '-')}` | `{field.default}` | {help_of[field.name]} |"
        assert row in _SETTINGS.splitlines()
