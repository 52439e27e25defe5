"""Trains on shuffled targets, where there is nothing to learn: a score there shows that targets leak.

The round's last eras, targets shuffled within each era. Four fifths are trained on, as `train.py` does it; the trained
model then scores the last fifth through the handler. Both what training reports as `rank_ic` and what we measure must
be about zero. Needs the vendor's own pyarrow.
"""

import json
import math
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from mercato_checks.codes import found
from mercato_cli.validating.report import Phase
from mercato_contracts.ranking import rank_correlation

_NAME = "shuffled"
_ERAS = 600
_HELD_OUT = 120
_GAP_ERAS = 6
"""Horizon and lag of a round, in eras."""

_TRAIN_SECONDS = 600
_DEVIATIONS = 5.0
"""A mean of chance is that many standard errors away from zero once in 1.7 million times."""

_REPORTED = "rank_ic"


def check_training(project: Path, data: Path | None, *, wanted: bool) -> Phase:
    """Phase 8 of `mp validate`, skipped with the reason where it cannot run."""
    if not wanted:
        return Phase(8, _NAME, skipped="--no-train")
    source = _find(project, data)
    if source is None:
        return Phase(8, _NAME, skipped="there is no train.parquet under data/ (mp data pull)")
    try:
        from pyarrow import parquet
    except ImportError:
        return Phase(8, _NAME, skipped=f"pyarrow is not installed (pip install -r {project / 'requirements.txt'})")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        held_out, names = _shuffle(parquet, source, place)
        (place / "spec.json").write_text(json.dumps({"task": "validate", "seed": 7}))
        result = _train(project, place)
        if "metrics" not in result:
            return Phase(8, _NAME, [found("training_failed", "train.py", f"Training failed: {result['error']}.")])
        artifact = next((place / "out" / each["name"] for each in result["artifacts"]), None)
        try:
            scores = _score(project, artifact, held_out, names)
        except Exception as error:  # whatever the vendor's code raises
            message = f"The trained model cannot be asked: {type(error).__name__}: {error}."
            return Phase(8, _NAME, [found("training_failed", "handler.py", message)])
    return _judge(result["metrics"], scores, held_out)


def _find(project: Path, data: Path | None) -> Path | None:
    if data is not None:
        return data if data.is_file() else data / "train.parquet" if (data / "train.parquet").is_file() else None
    return max((project / "data").rglob("train.parquet"), default=None)


Era = tuple[int, list[str], list[list[float]], list[float]]
"""Number, ids, features and shuffled targets."""


def _shuffle(parquet: Any, source: Path, place: Path) -> tuple[list[Era], list[str]]:
    """Writes what is trained on; gives what is held out, and the features' names."""
    import pyarrow as pa

    table = parquet.read_table(source)
    names = [name for name in table.column_names if name.startswith("feature_")]
    numbers = table["era"].to_pylist()
    eras = sorted(set(numbers))[-_ERAS:]
    rows: dict[int, list[int]] = {era: [] for era in eras}
    for row, era in enumerate(numbers):
        if era in rows:
            rows[era].append(row)
    targets = table["target"].to_pylist()
    chance = random.Random(7)  # noqa: S311  (a shuffle that repeats itself, no secret)
    for at in rows.values():
        values = [targets[row] for row in at]
        chance.shuffle(values)
        for row, value in zip(at, values, strict=True):
            targets[row] = value
    split = max(1, len(eras) - min(_HELD_OUT, len(eras) // 5))
    learned = [row for era in eras[: max(1, split - _GAP_ERAS)] for row in rows[era]]
    column = table.schema.get_field_index("target")
    shuffled = table.set_column(column, "target", pa.array(targets, table.schema.field("target").type))
    (place / "data").mkdir()
    parquet.write_table(shuffled.take(learned), place / "data" / "train.parquet")
    held_out = []
    for era in eras[split:]:
        part = shuffled.take(rows[era])
        values = list(zip(*(part[name].to_pylist() for name in names), strict=True))
        held_out.append((era, part["id"].to_pylist(), [list(row) for row in values], part["target"].to_pylist()))
    return held_out, names


def _train(project: Path, place: Path) -> dict[str, Any]:
    """The runner's last line, or an `error`."""
    command = [sys.executable, "-m", "mercato_cli.runner", "train", "--project", str(project)]
    command += ["--spec", str(place / "spec.json"), "--data", str(place / "data"), "--out", str(place / "out")]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TRAIN_SECONDS)  # noqa: S603
    except subprocess.TimeoutExpired:
        return {"error": f"it took more than {_TRAIN_SECONDS} s"}
    lines = done.stdout.splitlines()
    if not lines:
        return {"error": (done.stderr.strip().splitlines() or ["it printed nothing"])[-1].removeprefix("runner: ")}
    result: dict[str, Any] = json.loads(lines[-1])
    return result


def _score(project: Path, artifact: Path | None, held_out: list[Era], names: list[str]) -> list[dict[str, float]]:
    """The trained model's scores for each held-out era."""
    from mercato_cli.runner.project import load_handler
    from mercato_contracts.signals import EraFeatures, SignalInferenceRequestV2

    request = SignalInferenceRequestV2(
        round="rnd_" + "0" * 32,
        features=names,
        eras=[EraFeatures(era=era, ids=ids, values=values) for era, ids, values, _ in held_out],
    )
    response = load_handler(project, artifact).infer(request)
    return [dict(each.scores) for each in response.eras]


def _judge(metrics: dict[str, float], scores: list[dict[str, float]], held_out: list[Era]) -> Phase:
    each = [
        rank_correlation([by_id[name] for name in ids], targets)
        for by_id, (_, ids, _, targets) in zip(scores, held_out, strict=True)
    ]
    mean = sum(each) / max(1, len(each))
    names = max(2, min((len(ids) for _, ids, _, _ in held_out), default=2))
    # Of n names, a rank correlation of chance has variance 1 / (n - 1). Source: Kendall, Rank Correlation Methods.
    limit = _DEVIATIONS / math.sqrt((names - 1) * max(1, len(each)))
    facts = {"eras": len(each), "rank_ic": round(mean, 4), "limit": round(limit, 4)}
    findings = []
    if abs(mean) > limit:
        message = (
            f"On {len(each)} eras with shuffled targets its rank IC is {mean:+.3f}; chance stays within {limit:.3f}."
        )
        findings.append(found("shuffled_targets_score", "train.py", message))
    reported = metrics.get(_REPORTED)
    if reported is not None:
        facts["reported"] = round(reported, 4)
        if abs(reported) > limit:
            message = (
                f"Training reports a rank IC of {reported:+.3f} on shuffled targets; chance stays within {limit:.3f}."
            )
            findings.append(found("shuffled_targets_score", "train.py", message))
    return Phase(8, _NAME, findings, facts)
