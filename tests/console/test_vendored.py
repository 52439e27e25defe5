"""Files of others are the ones that `scripts/vendor` brought, with their licences."""

import hashlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("packages/server/src/mercato/console/static/vendor", "tests/browser/vendor")


@pytest.mark.parametrize("folder", FOLDERS)
def test_vendored_files_are_those_of_the_list(folder: str) -> None:
    files = {each.name: each.read_bytes() for each in (ROOT / folder).iterdir()}
    listed = dict(line.split("  ")[::-1] for line in files.pop("SHA256SUMS").decode().splitlines())
    assert {name: hashlib.sha256(content).hexdigest() for name, content in files.items()} == listed
    assert any(name.endswith(".LICENSE") for name in files)


def test_scripts_of_others_need_no_eval_and_no_inline_style_to_start() -> None:
    # The policy of our pages blocks both. htmx makes functions of texts only for `hx-on`, `js:` and filters.
    for script in (ROOT / FOLDERS[0]).glob("*.js"):
        text = script.read_text()
        assert "eval(" not in text
        assert "sourceMappingURL" not in text
