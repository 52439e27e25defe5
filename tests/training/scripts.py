"""Training scripts, good and hostile, as a project's zip."""

import base64
import io
import zipfile

GOOD = """
def train(spec, data, out, report):
    for step in range(1, 6):
        report(step, {"loss": 1.0 / step})
    (out / "model.txt").write_text("tree\\nversion=v4\\nnum_class=1\\n")
    print("seed", spec["seed"], "rate", spec["hyperparameters"].get("rate"))
    return {"ic": 0.03}
"""


def zipped(train: str, **files: str) -> bytes:
    """The zip of a project with this `train.py`."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("train.py", train)
        for name, text in files.items():
            archive.writestr(name, text)
    return held.getvalue()


def encoded(train: str) -> str:
    """The same as it is sent."""
    return base64.b64encode(zipped(train)).decode()
