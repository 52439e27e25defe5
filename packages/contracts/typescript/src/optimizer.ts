// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/**
 * The OptimizerInference contract: a consensus becomes positions, within limits.
 *
 * Positions and limits are whole billionths of the capital (`NANO` is all of it), so that sums and attributions are exact.
 */

/** What of each position comes from one deployment's signal, in billionths of the capital. */
export interface Attribution {
  /** The deployment's id, `dep_…` (pattern: "^dep_[0-9a-f]{32}$") */
  deployment: string;
  /** The vendor's short name, as in `vendor/name` */
  vendor: string;
  /** Its part of each position, in billionths of the capital */
  positions: Record<string, number>;
}

/**
 * Limits on a portfolio; what is left out does not bind.
 *
 * `gross` bounds the sum of absolute positions, `net_least` and `net_most` their sum, `per_name` each absolute
 * position, `turnover` the sum of absolute changes against the positions held.
 */
export interface Constraints {
  /** Whether positions below zero are ruled out (default: false) */
  long_only?: boolean;
  /** The largest sum of absolute positions, in billionths of the capital; null: no limit (default: 1000000000) */
  gross?: number | null;
  /** The least sum of positions, in billionths of the capital; null: no limit */
  net_least?: number | null;
  /** The largest sum of positions, in billionths of the capital; null: no limit */
  net_most?: number | null;
  /** The largest absolute position, in billionths of the capital; null: no limit */
  per_name?: number | null;
  /** The largest sum of absolute changes, in billionths of the capital; null: no limit */
  turnover?: number | null;
  /** Limits by sector, at most 100 (maxItems: 100, default: []) */
  sectors?: Array<SectorLimit>;
}

/**
 * Scores and past daily returns: one row a day, oldest first, one column a name in the order of `names`.
 *
 * `held` are the positions before; a name that is left out is not held.
 */
export interface OptimizerInferenceRequest {
  /** The name and version of this contract (default: "optimizer-inference/1") */
  contract?: "optimizer-inference/1";
  /** The round's id, `rnd_…` (pattern: "^rnd_[0-9a-f]{32}$") */
  round: string;
  /** The number of an era: one trading day, from 1 (minimum: 1, maximum: 1000000) */
  era: number;
  /** What is optimised */
  objective: "mean-variance" | "hrp" | "min-cvar";
  /** The tickers, in the order of `scores` and of the columns of `returns` (minItems: 1, maxItems: 2000) */
  names: Array<string>;
  /** One score for each name */
  scores: Array<number>;
  /** Daily returns as fractions: one row a day, oldest first, one column a name (minItems: 2, maxItems: 5000) */
  returns: Array<Array<number>>;
  /** Positions before, in billionths of the capital; a name left out is not held (default: {}) */
  held?: Record<string, number>;
  /** The limits (default: {"long_only": false, "gross": 1000000000, "net_least": null, "net_most": null, "per_name": null, "turnover": null, "sectors": []}) */
  constraints?: Constraints;
}

/** The positions, and the limits that they touch; `expected` and `risk` are daily figures of the objective. */
export interface OptimizerInferenceResponse {
  /** The name and version of this contract (default: "optimizer-inference/1") */
  contract?: "optimizer-inference/1";
  /** The round's id, `rnd_…` (pattern: "^rnd_[0-9a-f]{32}$") */
  round: string;
  /** The number of an era: one trading day, from 1 (minimum: 1, maximum: 1000000) */
  era: number;
  /** What was optimised */
  objective: "mean-variance" | "hrp" | "min-cvar";
  /** Positions by ticker, in billionths of the capital */
  positions: Record<string, number>;
  /** The limits that the positions touch (default: []) */
  binding?: Array<"long_only" | "gross" | "net" | "per_name" | "turnover" | "sector">;
  /** The expected daily return, as a fraction */
  expected: number;
  /** The daily risk: standard deviation, or expected shortfall for `min-cvar` */
  risk: number;
}

/** A portfolio as the desk keeps and publishes it. For each name the parts sum to the position exactly. */
export interface OptimizerWrite {
  /** The name and version of this contract (default: "optimizer-write/1") */
  contract?: "optimizer-write/1";
  /** The portfolio */
  portfolio: OptimizerInferenceResponse;
  /** How positions are attributed to signals */
  method: "shapley" | "leave-one-out";
  /** One for each deployment; together they are the positions */
  attributions: Array<Attribution>;
  /** SHA-256 of everything that it was made from (pattern: "^[0-9a-f]{64}$") */
  inputs: string;
}

/** How much of the capital the names of one sector may hold, net, either way. */
export interface SectorLimit {
  /** The sector's name, 1 to 64 characters (minLength: 1, maxLength: 64) */
  sector: string;
  /** The tickers of the sector (minItems: 1, maxItems: 5000) */
  names: Array<string>;
  /** The least sum of its positions, in billionths of the capital (minimum: -100000000000, maximum: 100000000000, default: -100000000000) */
  least?: number;
  /** The largest sum of its positions, in billionths of the capital (minimum: -100000000000, maximum: 100000000000, default: 100000000000) */
  most?: number;
}

