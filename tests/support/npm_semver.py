"""npm's own `semver`, which every installation of Node brings along: the oracle of ours; and ranges to ask it about."""

import json
import random
import shutil
import subprocess
from pathlib import Path

_ASK = """
const semver = require(process.argv[1]);
const {versions, ranges} = JSON.parse(require('fs').readFileSync(0));
const answers = ranges.map(range => semver.validRange(range) === null
    ? null : versions.map((v, i) => semver.satisfies(v, range) ? i : -1).filter(i => i >= 0));
const order = [...versions].sort(semver.compareBuild);
console.log(JSON.stringify({answers, order}));
"""
_MOST = 9_007_199_254_740_991


def find_semver() -> Path | None:
    """The folder of the package; `None` without Node."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return None
    root = Path(subprocess.run([npm, "root", "-g"], capture_output=True, text=True, check=True).stdout.strip())
    return next((path for path in (root / "npm/node_modules/semver", root / "semver") if path.exists()), None)


def ask(package: Path, versions: list[str], ranges: list[str]) -> list[list[int] | None]:
    """For each range the places of the versions in it; `None` where npm knows no such range."""
    question = json.dumps({"versions": versions, "ranges": ranges})
    done = subprocess.run(
        ["node", "-e", _ASK, str(package)], input=question, capture_output=True, text=True, check=True
    )
    answers: list[list[int] | None] = json.loads(done.stdout)["answers"]
    return answers


def some_ranges(seed: int, count: int) -> list[str]:
    """Ranges of every form, a few of them malformed."""
    chance = random.Random(seed)

    def number() -> str:
        return chance.choice(
            ["0", "0", "1", "1", "2", "3", "10", str(_MOST), str(_MOST + 1), "01"][: 7 + 3 * (chance.random() < 0.05)]
        )

    def partial() -> str:
        size = chance.choice([1, 2, 3, 3, 3, 3])
        parts = [number() if chance.random() < 0.92 else chance.choice("xX*") for _ in range(size)]
        pre = (
            chance.choice(["", "", "", "-0", "-rc.1", "-alpha", "-beta.2", "-beta.11", "-a-b", "-01"])
            if size == 3
            else ""
        )
        build = chance.choice(["", "", "", "", "+build.5", "+5"])
        return chance.choice(["", "", "", "v", "="]) + ".".join(parts) + pre + build

    def comparator() -> str:
        blank = chance.choice(["", "", "", " ", "  "])
        return chance.choice(["", "", "^", "^", "~", "~>", ">", ">=", "<", "<=", "=", "=="]) + blank + partial()

    def choice() -> str:
        if chance.random() < 0.15:
            return f"{partial()} - {partial()}"
        return " ".join(comparator() for _ in range(chance.choice([1, 1, 1, 2, 2, 3])))

    def whole() -> str:
        text = chance.choice([" || ", "||"]).join(choice() for _ in range(chance.choice([1, 1, 1, 2, 3])))
        if chance.random() < 0.03:
            at = chance.randrange(len(text) + 1)
            text = text[:at] + chance.choice([",", "|", "-", ".", "x", "^", " ", "&", "+", "\t"]) + text[at:]
        return text

    return [whole() for _ in range(count)]
