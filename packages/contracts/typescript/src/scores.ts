// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/**
 * Scores of a round: what they are made from, what they are, and the one function between the two.
 *
 * The marketplace scores with `score_round`, and so does `mp score verify`: same inputs, same digits. Every published
 * figure is rounded to the specification's number of decimals, half to even, after all else was computed.
 */

/** One deployment's figures for the round; those without a word about eras are means over them. */
export interface DeploymentScore {
  /** (pattern: "^dep_[0-9a-f]{32}$") */
  deployment: string;
  vendor: string;
  /** (minimum: 0, maximum: 1000000000) */
  weight: number;
  /** Spearman's correlation of scores and targets */
  rank_ic: number;
  /** The same with stress on the tails (numerai_corr) */
  tail_ic: number;
  /** What it adds to the consensus (MMC) */
  contribution: number;
  /** 1 - its largest mean rank correlation with another vendor's signal */
  uniqueness: number;
  churn: number;
  turnover: number;
  /** Of the rank ICs of all eras so far, per era */
  sharpe: number;
  /** Probability that the skill is real after so many trials */
  deflated_sharpe: number;
  trials: number;
  /** Which gates it failed; such a signal has no weight in the next consensus */
  gates: Array<"churn" | "turnover" | "constant">;
  eras: Array<EraScore>;
}

/** One deployment's figures for one era. */
export interface EraScore {
  /** (minimum: 1, maximum: 1000000) */
  era: number;
  rank_ic: number;
  tail_ic: number;
  contribution: number;
}

/** One era's truth. `names` stand for the stocks, the same ones in every era of this round and nowhere else. */
export interface EraTargets {
  /** (minimum: 1, maximum: 1000000) */
  era: number;
  /** (minItems: 1) */
  ids: Array<string>;
  names: Array<string>;
  targets: Array<number>;
}

/** The scores of a round beside what the consensus had to beat. `inputs` is the SHA-256 of the inputs' bytes. */
export interface RoundScores {
  /** (default: "round-scores/1") */
  contract?: "round-scores/1";
  spec: ScoringSpec;
  /** (pattern: "^rnd_[0-9a-f]{32}$") */
  round: string;
  number: number;
  inputs: string;
  consensus_ic: number;
  equal_weight_ic: number;
  best_single_ic: number;
  deployments: Array<DeploymentScore>;
}

/** Everything that the scores of a round depend on; published when the round is resolved. */
export interface ScoreInputs {
  /** (default: "score-inputs/1") */
  contract?: "score-inputs/1";
  spec: ScoringSpec;
  /** (pattern: "^rnd_[0-9a-f]{32}$") */
  round: string;
  number: number;
  /** (minItems: 1) */
  eras: Array<EraTargets>;
  signals: Array<ScoredSignal>;
}

/**
 * One deployment's part of the inputs.
 *
 * `history` are its rank ICs by era of earlier rounds, oldest first; `trials` is how often its vendor had a model
 * validated by this marketplace before, counted by the marketplace.
 */
export interface ScoredSignal {
  /** (pattern: "^dep_[0-9a-f]{32}$") */
  deployment: string;
  vendor: string;
  /** (minimum: 0, maximum: 1000000000) */
  weight: number;
  /** (minimum: 1) */
  trials: number;
  /** (default: []) */
  history?: Array<number>;
  eras: Array<WrittenEra>;
}

/** How a round is scored; pinned when the round is scored, and never changed for it. */
export interface ScoringSpec {
  /** (default: "scoring/1") */
  version?: "scoring/1";
  /** Eras whose targets overlap: one in so many is independent (minimum: 1, default: 5) */
  horizon_days?: number;
  /** 1 - rank correlation of a signal from era to era, on average (default: 0.9) */
  churn_most?: number;
  /** Share of the book that changes from era to era, on average (default: 0.6) */
  turnover_most?: number;
  /** (minimum: 1, maximum: 12, default: 9) */
  decimals?: number;
}

/** What a deployment said of an era; `place` is its entry in the signal log. */
export interface WrittenEra {
  /** (minimum: 1, maximum: 1000000) */
  era: number;
  /** (minimum: 0) */
  place: number;
  scores: Record<string, number>;
}

