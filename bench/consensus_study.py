"""The walk-forward study of the consensus: `python -m bench.consensus_study` writes docs/studies/consensus.md.

Six signals on the 20 stocks, each made only of what was known before the era it scores; the desk's own weighting of
them, beside equal weights and the best single signal so far.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mercato.datasets.obscuring import Obscurer
from mercato.datasets.panel import Horizon, Panel, build_panel
from mercato.datasets.sources import read_market
from mercato.signals.weights import Candidate, Weights, WeightSpec, decide_weights
from mercato_contracts.consensus import NANO
from mercato_contracts.ranking import mean, rank_correlation
from mercato_contracts.scores import combine

Floats = npt.NDArray[np.float64]

FOLDER = Path(__file__).parents[1] / "docs" / "studies"
HORIZON = Horizon(days=5, lag=1)
TRAIN_LEAST = 1000
REFIT = 500
"""Eras between two fits of what is fitted."""
ROUND = 20
"""Eras of one round: weights are decided once for it."""


@dataclass(frozen=True)
class Study:
    """Everything from era `begin` (an index) on: scores by signal, targets, rank ICs."""

    names: list[str]
    scores: Floats
    targets: Floats
    ics: Floats
    years: Floats


def momentum(panel: Panel) -> Floats:
    """Return of the last year without the last month (Jegadeesh and Titman, 1993)."""
    return _shifted(panel, 20) / _shifted(panel, 240) - 1


def reversal(panel: Panel) -> Floats:
    """The week's losers (Lehmann, 1990)."""
    return 1 - panel.closes / _shifted(panel, 5)


def low_volatility(panel: Panel) -> Floats:
    """The quietest of the last 60 days (Ang and others, 2006)."""
    return -_rolling(np.nan_to_num(panel.returns), 60, lambda window: window.std(axis=0))


def trend(panel: Panel) -> Floats:
    """Distance from the 200-day mean in units of volatility (Faber, 2007)."""
    away = panel.closes / _rolling(panel.closes, 200, lambda window: window.mean(axis=0)) - 1
    return away / (_rolling(np.nan_to_num(panel.returns), 60, lambda window: window.std(axis=0)) + 1e-9)


def ridge(panel: Panel) -> Floats:
    """A linear model of all features, refitted on all the past (Hoerl and Kennard, 1970)."""

    def fit(rows: Floats, wanted: Floats) -> Callable[[Floats], Floats]:
        middle, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-9
        scaled = (rows - middle) / spread
        beta = np.linalg.solve(scaled.T @ scaled + len(rows) * 0.1 * np.eye(rows.shape[1]), scaled.T @ wanted)
        return lambda new: ((new - middle) / spread) @ beta

    return _walk(panel, fit)


def boosting(panel: Panel) -> Floats:
    """Gradient-boosted trees of all features, refitted on all the past (LightGBM)."""
    import lightgbm

    def fit(rows: Floats, wanted: Floats) -> Callable[[Floats], Floats]:
        settings = {"objective": "l2", "num_leaves": 7, "learning_rate": 0.05, "min_data_in_leaf": 400,
                    "feature_fraction": 0.5, "bagging_fraction": 0.5, "bagging_freq": 1, "seed": 7, "verbose": -1,
                    "num_threads": 1, "deterministic": True}  # fmt: skip
        model = lightgbm.train(settings, lightgbm.Dataset(rows, wanted), num_boost_round=60)
        return lambda new: np.asarray(model.predict(new), dtype=np.float64)

    return _walk(panel, fit)


SIGNALS: dict[str, Callable[[Panel], Floats]] = {
    "momentum": momentum,
    "reversal": reversal,
    "low volatility": low_volatility,
    "trend": trend,
    "ridge": ridge,
    "boosting": boosting,
}


def _shifted(panel: Panel, days: int) -> Floats:
    moved = np.full_like(panel.closes, np.nan)
    moved[days:] = panel.closes[:-days]
    return moved


def _rolling(values: Floats, days: int, what: Callable[[Floats], Floats]) -> Floats:
    visible = np.full_like(values, np.nan)
    for at in range(days, len(values) + 1):
        visible[at - 1] = what(values[at - days : at])
    return visible


def _walk(panel: Panel, fit: Callable[[Floats, Floats], Callable[[Floats], Floats]]) -> Floats:
    """Predictions of models that saw only eras whose targets were known when the first one is scored."""
    features = np.moveaxis(np.nan_to_num(panel.features.astype(np.float64)), 0, -1)
    visible = np.full_like(panel.closes, np.nan)
    for begin in range(TRAIN_LEAST, panel.eras, REFIT):
        known = begin - panel.horizon.reach
        model = fit(features[:known].reshape(-1, features.shape[-1]), panel.targets[:known].ravel() - 0.5)
        block = features[begin : begin + REFIT]
        visible[begin : begin + REFIT] = model(block.reshape(-1, features.shape[-1])).reshape(block.shape[:2])
    return visible


def prepare() -> Study:
    """Signals and truth over every era that all signals score and whose target is known."""
    panel = build_panel(read_market(), Obscurer(b"a study needs no secret ids here", "study"), HORIZON)
    names = list(SIGNALS)
    scores = np.array([SIGNALS[name](panel) for name in names])
    rows = slice(TRAIN_LEAST, panel.last_era_with_target)
    kept, targets = scores[:, rows], panel.targets[rows]
    ics = np.array(
        [[rank_correlation(s.tolist(), t.tolist()) for s, t in zip(one, targets, strict=True)] for one in kept]
    )
    years = np.array([day.year + day.timetuple().tm_yday / 366 for day in panel.days[rows]])
    return Study(names, kept, targets, ics, years)


@dataclass(frozen=True)
class Walk:
    """By era: rank ICs of the three; by round: weights and the effective number of models."""

    skill: list[float]
    equal: list[float]
    best: list[float]
    weights: Floats
    effective: list[float]


def walk(study: Study, spec: WeightSpec, clones: int = 0) -> Walk:
    """Rounds one after another: weights from what was resolved before, then the round. `clones` copies of the first."""
    owners = [*study.names, *([study.names[0]] * clones)]
    of = [study.names.index(name) for name in owners]
    skill, equal, best, weights, effective = [], [], [], [], []
    for begin in range(ROUND, study.targets.shape[0], ROUND):
        rows = slice(begin, begin + ROUND)
        # The targets of the last eras before the round are not known when it begins.
        known = max(0, begin - HORIZON.reach)
        past = [study.ics[at, :known].tolist() for at in of]
        decided: Weights = decide_weights(
            [
                Candidate(f"{at}", f"{name} {at}", seen)
                for at, (name, seen) in enumerate(zip(owners, past, strict=True))
            ],
            study.scores[of][:, rows],
            spec,
        )
        leader = max(range(len(study.names)), key=lambda at: mean(past[at]))
        for era in range(begin, min(begin + ROUND, study.targets.shape[0])):
            predicted, actual = [study.scores[at, era].tolist() for at in of], study.targets[era].tolist()
            skill.append(rank_correlation(combine(predicted, decided.nanos), actual))
            equal.append(rank_correlation(combine(predicted[: len(study.names)], [1] * len(study.names)), actual))
            best.append(rank_correlation(predicted[leader], actual))
        weights.append(decided.nanos)
        effective.append(decided.effective_models)
    return Walk(skill, equal, best, np.array(weights) / NANO, effective)


def summary(ics: list[float]) -> tuple[float, float, float]:
    """Mean, its t-value with one era in `HORIZON.days` counted as independent, share of eras above 0."""
    deviation = float(np.std(ics, ddof=1))
    return mean(ics), mean(ics) / deviation * math.sqrt(len(ics) / HORIZON.days), float(np.mean(np.array(ics) > 0))


def difference(one: list[float], other: list[float]) -> tuple[float, float]:
    """Mean difference and its t-value, overlap counted."""
    apart = [a - b for a, b in zip(one, other, strict=True)]
    middle, t, _ = summary(apart)
    return middle, t


def plot(study: Study, done: Walk) -> None:
    """Two pictures, as SVG that is the same at every run."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "mercato"
    import matplotlib.pyplot as plt

    years = study.years[ROUND : ROUND + len(done.skill)]
    every = slice(None, None, 20)
    figure, axes = plt.subplots(figsize=(8, 4))
    for label, row in (("skill weights", done.skill), ("equal weights", done.equal), ("best single so far", done.best)):
        axes.plot(years[every], np.cumsum(row)[every], label=label)
    axes.set_ylabel("sum of rank ICs")
    axes.legend(frameon=False)
    figure.savefig(FOLDER / "consensus-ic.svg", metadata={"Date": None}, bbox_inches="tight")
    figure, axes = plt.subplots(figsize=(8, 4))
    axes.stackplot(years[::ROUND][: len(done.weights)], done.weights.T, labels=study.names)
    axes.set_ylabel("weight")
    axes.legend(frameon=False, ncol=3, loc="lower left")
    figure.savefig(FOLDER / "consensus-weights.svg", metadata={"Date": None}, bbox_inches="tight")


def write(study: Study) -> str:
    """The report, and its pictures beside it."""
    spec = WeightSpec()
    done = walk(study, spec)
    bold = walk(study, WeightSpec(doubt=15.0, cluster_cap=1.0, vendor_cap=1.0))
    cloned = walk(study, spec, clones=5)
    plot(study, done)
    begin, end = study.years[ROUND], study.years[-1]
    rows = [
        ("**skill weights** (the desk)", done.skill),
        ("**equal weights**", done.equal),
        ("best single so far", done.best),
        ("skill weights, ten times bolder and without caps", bold.skill),
    ]
    rows += [(name, study.ics[at, ROUND:].tolist()) for at, name in enumerate(study.names)]
    table = "\n".join("| {} | {:+.4f} | {:+.2f} | {:.1%} |".format(name, *summary(ics)) for name, ics in rows)
    gain, t = difference(done.skill, done.equal)
    lead, lead_t = difference(done.skill, done.best)
    middle = [float(x) for x in done.weights.mean(axis=0)]
    shares = ", ".join(f"{name} {share:.1%}" for name, share in zip(study.names, middle, strict=True))
    copies = [0, *range(len(study.names), len(study.names) + 5)]
    clone_share = float(cloned.weights[:, copies].sum(axis=1).mean())
    return PAGE.format(
        begin=int(begin), end=int(end), eras=len(done.skill), table=table, verdict=_verdict(gain, t), gain=gain, t=t,
        lead=lead, lead_t=lead_t, shares=shares, effective=mean(done.effective), alone=middle[0], cloned=clone_share,
        error=abs(gain / t) if t else 0.0,
    )  # fmt: skip


def _verdict(gain: float, t: float) -> str:
    if t > 2:
        return "Skill weights beat equal weights, beyond two standard errors."
    if t < -2:
        return "**Skill weights are worse than equal weights, beyond two standard errors.**"
    word = "more" if gain > 0 else "less"
    return f"**Skill weights do not beat equal weights**: they brought a little {word}, well within chance."


PAGE = """# Does weighting by skill help?

Written by `python -m bench.consensus_study`; every figure below comes from that run.

Six signals on the 20 US stocks of the data rounds, walked forward over {eras} eras from {begin} to {end}:
12-month momentum, one-week reversal, low volatility, trend, ridge regression and gradient boosting. Fitted ones
are refitted every two years on all eras whose targets were known. Weights are decided for rounds of 20 eras by
the desk's own code, from rank ICs known before the round begins.

| what | mean rank IC | t | eras above 0 |
|---|---|---|---|
{table}

Targets look five days ahead, so one era in five counts as independent in `t`.

{verdict}

The difference of their mean rank ICs is {gain:+.4f} (t = {t:+.2f}); against following whoever was
best so far it is {lead:+.4f} (t = {lead_t:+.2f}).

![Sum of rank ICs](consensus-ic.svg)

Mean weights: {shares}. The effective number of independent models is {effective:.2f} on average.

![Weights](consensus-weights.svg)

With five clones of momentum under other vendors' names, momentum and its clones together hold {cloned:.1%} of
the weight on average; without them momentum holds {alone:.1%}.

## What this does not show

The 20 stocks were chosen because they survived to 2022, so every figure is too good. Costs are left out. The
six signals were known before the study began, so their own t-values say nothing about discovery. The
standard error of the difference between skill and equal weights is {error:.4f}: a gain smaller than twice that cannot
be told from chance with these stocks and years. That is why the desk's weights move slowly away from equal, and why
both are published side by side for every round.
"""


def main() -> None:
    """Write the report."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "consensus.md").write_text(write(prepare()))


if __name__ == "__main__":
    main()
