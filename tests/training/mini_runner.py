"""Runs `train.py` of a project as the real runner does: the same options, the same lines on standard output."""

import argparse
import hashlib
import importlib.util
import json
import sys
from pathlib import Path

parser = argparse.ArgumentParser()
for name in ("project", "spec", "data", "out"):
    parser.add_argument(f"--{name}", type=Path, required=True)
options = parser.parse_args()
sys.path.insert(0, str(options.project))
found = importlib.util.spec_from_file_location("train", options.project / "train.py")
assert found is not None
assert found.loader is not None
module = importlib.util.module_from_spec(found)
found.loader.exec_module(module)


def report(step: int, metrics: dict[str, float]) -> None:
    print(json.dumps({"event": "progress", "step": step, "metrics": metrics}), flush=True)


metrics = module.train(json.loads(options.spec.read_text()), options.data, options.out, report)
artifacts = [
    {"name": path.name, "bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    for path in options.out.iterdir()
]
print(json.dumps({"event": "done", "metrics": metrics, "artifacts": artifacts}), flush=True)
