// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/**
 * The OptimizerInference contract: a consensus becomes positions, within limits.
 *
 * Positions and limits are whole billionths of the capital (`NANO` is all of it), so that sums and attributions are exact.
 */

/** What of each position comes from one deployment's signal, in billionths of the capital. */
export interface Attribution {
  /** (pattern: "^dep_[0-9a-f]{32}$") */
  deployment: string;
  vendor: string;
  positions: Record<string, number>;
}

/**
 * Limits on a portfolio; what is left out does not bind.
 *
 * `gross` bounds the sum of absolute positions, `net_least` and `net_most` their sum, `per_name` each absolute
 * position, `turnover` the sum of absolute changes against the positions held.
 */
export interface Constraints {
  /** (default: false) */
  long_only?: boolean;
  /** (default: 1000000000) */
  gross?: number | null;
  net_least?: number | null;
  net_most?: number | null;
  per_name?: number | null;
  turnover?: number | null;
  /** (maxItems: 100, default: []) */
  sectors?: Array<SectorLimit>;
}

/**
 * Scores and past daily returns: one row a day, oldest first, one column a name in the order of `names`.
 *
 * `held` are the positions before; a name that is left out is not held.
 */
export interface OptimizerInferenceRequest {
  /** (default: "optimizer-inference/1") */
  contract?: "optimizer-inference/1";
  /** (pattern: "^rnd_[0-9a-f]{32}$") */
  round: string;
  /** (minimum: 1, maximum: 1000000) */
  era: number;
  objective: "mean-variance" | "hrp" | "min-cvar";
  /** (minItems: 1, maxItems: 2000) */
  names: Array<string>;
  scores: Array<number>;
  /** (minItems: 2, maxItems: 5000) */
  returns: Array<Array<number>>;
  /** (default: {}) */
  held?: Record<string, number>;
  /** (default: {"long_only": false, "gross": 1000000000, "net_least": null, "net_most": null, "per_name": null, "turnover": null, "sectors": []}) */
  constraints?: Constraints;
}

/** The positions, and the limits that they touch; `expected` and `risk` are daily figures of the objective. */
export interface OptimizerInferenceResponse {
  /** (default: "optimizer-inference/1") */
  contract?: "optimizer-inference/1";
  /** (pattern: "^rnd_[0-9a-f]{32}$") */
  round: string;
  /** (minimum: 1, maximum: 1000000) */
  era: number;
  objective: "mean-variance" | "hrp" | "min-cvar";
  positions: Record<string, number>;
  /** (default: []) */
  binding?: Array<"long_only" | "gross" | "net" | "per_name" | "turnover" | "sector">;
  expected: number;
  risk: number;
}

/** A portfolio as the desk keeps and publishes it. For each name the parts sum to the position exactly. */
export interface OptimizerWrite {
  /** (default: "optimizer-write/1") */
  contract?: "optimizer-write/1";
  portfolio: OptimizerInferenceResponse;
  method: "shapley" | "leave-one-out";
  attributions: Array<Attribution>;
  /** (pattern: "^[0-9a-f]{64}$") */
  inputs: string;
}

/** How much of the capital the names of one sector may hold, net, either way. */
export interface SectorLimit {
  /** (minLength: 1, maxLength: 64) */
  sector: string;
  /** (minItems: 1, maxItems: 5000) */
  names: Array<string>;
  /** (minimum: -100000000000, maximum: 100000000000, default: -100000000000) */
  least?: number;
  /** (minimum: -100000000000, maximum: 100000000000, default: 100000000000) */
  most?: number;
}

