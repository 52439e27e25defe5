// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/**
 * Scores of a round: their inputs, the scores, and the one function that computes them.
 *
 * The marketplace scores with `score_round`, and so does `mp score verify`: same inputs, same digits. Every published
 * figure is rounded to the specification's number of decimals, half to even, after all else was computed.
 */

/** One deployment's figures for the round; those without a word about eras are means over them. */
export interface DeploymentScore {
  /** The deployment's id, `dep_…` (pattern: "^dep_[0-9a-f]{32}$") */
  deployment: string;
  /** The vendor's short name, as in `vendor/name` */
  vendor: string;
  /** Its share in billionths: 1,000,000,000 is all (minimum: 0, maximum: 1000000000) */
  weight: number;
  /** Spearman's correlation of scores and targets */
  rank_ic: number;
  /** The same with stress on the tails (numerai_corr) */
  tail_ic: number;
  /** What it adds to the consensus (MMC) */
  contribution: number;
  /** 1 - its largest mean rank correlation with another vendor's signal */
  uniqueness: number;
  /** 1 - rank correlation of the signal from era to era, on average */
  churn: number;
  /** The share of the book that changes from era to era, on average */
  turnover: number;
  /** Of the rank ICs of all eras so far, per era */
  sharpe: number;
  /** Probability that the skill is real after so many trials */
  deflated_sharpe: number;
  /** How often its vendor had a model validated before, at least 1 */
  trials: number;
  /** Which gates it failed; such a signal has no weight in the next consensus */
  gates: Array<"churn" | "turnover" | "constant">;
  /** Its figures of each era */
  eras: Array<EraScore>;
}

/** One deployment's figures for one era. */
export interface EraScore {
  /** The number of an era: one trading day, from 1 (minimum: 1, maximum: 1000000) */
  era: number;
  /** Spearman's correlation of scores and targets, in [-1, 1] */
  rank_ic: number;
  /** The same with stress on the tails (numerai_corr) */
  tail_ic: number;
  /** What it adds to the consensus (MMC) */
  contribution: number;
}

/** One era's targets. `names` stand for the stocks, the same in every era of this round and nowhere else. */
export interface EraTargets {
  /** The number of an era: one trading day, from 1 (minimum: 1, maximum: 1000000) */
  era: number;
  /** The obscured ids of the era (minItems: 1) */
  ids: Array<string>;
  /** Names that stand for the stocks, in the order of `ids` */
  names: Array<string>;
  /** The realised targets, in the order of `ids` */
  targets: Array<number>;
}

/** The scores of a round beside what the consensus had to beat. `inputs` is the SHA-256 of the inputs' bytes. */
export interface RoundScores {
  /** The name and version of this contract (default: "round-scores/1") */
  contract?: "round-scores/1";
  /** How the round was scored */
  spec: ScoringSpec;
  /** The round's id, `rnd_…` (pattern: "^rnd_[0-9a-f]{32}$") */
  round: string;
  /** The round's number within its dataset */
  number: number;
  /** SHA-256 of the inputs' bytes */
  inputs: string;
  /** Mean rank IC of the consensus */
  consensus_ic: number;
  /** Mean rank IC of equal weights */
  equal_weight_ic: number;
  /** Mean rank IC of the signal that was best before; 0 without a history */
  best_single_ic: number;
  /** The scores, in the order of the inputs */
  deployments: Array<DeploymentScore>;
}

/** Everything that the scores of a round depend on; published when the round is resolved. */
export interface ScoreInputs {
  /** The name and version of this contract (default: "score-inputs/1") */
  contract?: "score-inputs/1";
  /** How the round is scored */
  spec: ScoringSpec;
  /** The round's id, `rnd_…` (pattern: "^rnd_[0-9a-f]{32}$") */
  round: string;
  /** The round's number within its dataset */
  number: number;
  /** The targets of each era (minItems: 1) */
  eras: Array<EraTargets>;
  /** The signals, one for each deployment */
  signals: Array<ScoredSignal>;
}

/**
 * One deployment's part of the inputs.
 *
 * `history` are its rank ICs by era of earlier rounds, oldest first; `trials` is how often its vendor had a model
 * validated by this marketplace before, counted by the marketplace.
 */
export interface ScoredSignal {
  /** The deployment's id, `dep_…` (pattern: "^dep_[0-9a-f]{32}$") */
  deployment: string;
  /** The vendor's short name, as in `vendor/name` */
  vendor: string;
  /** Its share in billionths: 1,000,000,000 is all (minimum: 0, maximum: 1000000000) */
  weight: number;
  /** How often its vendor had a model validated before, at least 1 (minimum: 1) */
  trials: number;
  /** Rank ICs by era of earlier rounds, oldest first (default: []) */
  history?: Array<number>;
  /** What it wrote for each era */
  eras: Array<WrittenEra>;
}

/** How a round is scored; pinned when the round is scored, and never changed for it. */
export interface ScoringSpec {
  /** The version of the method (default: "scoring/1") */
  version?: "scoring/1";
  /** Eras whose targets overlap: one in so many is independent (minimum: 1, default: 5) */
  horizon_days?: number;
  /** 1 - rank correlation of a signal from era to era, on average (default: 0.9) */
  churn_most?: number;
  /** Share of the book that changes from era to era, on average (default: 0.6) */
  turnover_most?: number;
  /** Decimals of every published figure, rounded half to even (minimum: 1, maximum: 12, default: 9) */
  decimals?: number;
}

/** A deployment's scores for an era; `place` is its entry in the signal log. */
export interface WrittenEra {
  /** The number of an era: one trading day, from 1 (minimum: 1, maximum: 1000000) */
  era: number;
  /** The number of its entry in the signal log, from 0 (minimum: 0) */
  place: number;
  /** A score in [-1, 1] for each id */
  scores: Record<string, number>;
}

