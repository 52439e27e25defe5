"""The HTML checker of the W3C's validator over saved pages."""

import json
import shutil
import subprocess
from pathlib import Path

_JAR = Path(__file__).parents[2] / ".tools/vnu/vnu.jar"
_SECONDS = 600


def can_check() -> bool:
    """Whether Java and the checker are here; `scripts/vendor vnu` brings the latter."""
    return shutil.which("java") is not None and _JAR.exists()


def check_markup(pages: dict[str, str], folder: Path) -> list[str]:
    """What is wrong with the pages, a line each; warnings too, remarks not."""
    files = {}
    for number, (name, text) in enumerate(pages.items()):
        file = folder / f"{number}.html"
        file.write_text(text, encoding="utf-8")
        files[file.name] = name
    command = [
        "java",
        "-jar",
        str(_JAR),
        "--format",
        "json",
        "--exit-zero-always",
        *(str(folder / f"{n}.html") for n in range(len(pages))),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)
    messages = json.loads(done.stderr)["messages"]
    return [
        f"{files[Path(each['url']).name]}: {each['message']} {each.get('extract', '').strip()[:120]}"
        for each in messages
        if each["type"] != "info" or (each.get("subType") == "warning" and "first occurrence" not in each["message"])
    ]
