// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What the desk answers under `/api`: entries, kill switches, the leaderboard, live against backtest. */

/** What of each position comes from one deployment's signal, in billionths of the capital. */
export interface Attribution {
  /** (pattern: "^dep_[0-9a-f]{32}$") */
  deployment: string;
  vendor: string;
  positions: Record<string, number>;
}

/** What the vendor's own backtest found: mean and standard deviation of rank ICs by era. */
export interface BacktestRequest {
  /** (minimum: 20, maximum: 100000) */
  eras: number;
  /** (minimum: -1, maximum: 1) */
  mean_ic: number;
  /** (exclusiveMinimum: 0, maximum: 1) */
  deviation: number;
  /** (minLength: 1, maxLength: 200) */
  source: string;
}

/** The consensus beside what it must beat: equal weights, and the signal that was best so far. */
export interface ConsensusInferenceResponse {
  /** (default: "consensus-inference/1") */
  contract?: "consensus-inference/1";
  /** (pattern: "^rnd_[0-9a-f]{32}$") */
  round: string;
  /** (minimum: 1, maximum: 1000000) */
  era: number;
  /** Which version of the method made it */
  spec: string;
  weights: Array<ConsensusWeight>;
  scores: Record<string, number>;
  equal_weight: Record<string, number>;
  best_single?: string | null;
  /** Participation ratio of the eigenvalues of the signals' correlation matrix (minimum: 0) */
  effective_models: number;
}

/** One deployment's share. `cluster` numbers the signals that move together. */
export interface ConsensusWeight {
  /** (pattern: "^dep_[0-9a-f]{32}$") */
  deployment: string;
  vendor: string;
  /** (minimum: 0, maximum: 1000000000) */
  weight: number;
  /** (minimum: 0) */
  cluster: number;
  reason: "skill" | "vendor-cap" | "cluster-cap" | "shadow" | "held" | "silent";
}

/** A consensus as the desk keeps and publishes it; `inputs` is the digest of the signals that it came from. */
export interface ConsensusWrite {
  /** (default: "consensus-write/1") */
  contract?: "consensus-write/1";
  consensus: ConsensusInferenceResponse;
  /** (pattern: "^[0-9a-f]{64}$") */
  inputs: string;
}

/** Signed states of the log, the newest first. */
export interface HeadList {
  items: Array<TreeHead>;
}

/** The newest first. */
export interface KillSwitchList {
  items: Array<KillSwitchView>;
}

/** A switch; in force while `lifted_at` is empty. `origin` is `operator` or the trigger that threw it. */
export interface KillSwitchView {
  id: string;
  scope: "deployment" | "vendor" | "all";
  target: string;
  origin: string;
  reason: string;
  by: string;
  /** (format: "date-time") */
  thrown_at: string;
  lifted_by: string | null;
  lifted_at: string | null;
}

/** By contribution to the consensus, then by rank IC. */
export interface Leaderboard {
  items: Array<LeaderboardRow>;
}

/** A deployment's standing over all its scored rounds; figures are means over rounds unless said. */
export interface LeaderboardRow {
  rank: number;
  /** (pattern: "^dep_[0-9a-f]{32}$") */
  deployment: string;
  vendor: string;
  rounds: number;
  eras: number;
  rank_ic: number;
  contribution: number;
  uniqueness: number;
  churn: number;
  turnover: number;
  /** Of the last round, over all eras so far */
  deflated_sharpe: number;
  /** In the last round's consensus (minimum: 0, maximum: 1000000000) */
  weight: number;
  is_held: boolean;
}

/** Why it may run again. */
export interface LiftRequest {
  /** (minLength: 3, maxLength: 500) */
  reason: string;
}

/** The log was recomputed from the scores up: so many entries hold, and so many lines of the desk's record. */
export interface LogAudit {
  entries: number;
  record: number;
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

/**
 * What was claimed beside what happened. `z` is their difference in standard errors (Welch), overlap counted.
 *
 * `verdict`: `as-claimed` within 2 standard errors, `worse` or `better` beyond, `too-early` below 20 live eras.
 */
export interface Reconciliation {
  /** (pattern: "^dep_[0-9a-f]{32}$") */
  deployment: string;
  vendor: string;
  claimed: BacktestRequest | null;
  claimed_at: string | null;
  live_eras: number;
  live_mean_ic: number;
  live_deviation: number;
  z: number | null;
  verdict: "as-claimed" | "worse" | "better" | "too-early" | "unclaimed";
}

/**
 * One line of the desk's record.
 *
 * What a person wrote is sealed in `facts` with a key of theirs; `reason` has it in clear until they are erased.
 */
export interface RecordLine {
  number: number;
  at: string;
  actor: string;
  what: string;
  subject: string;
  facts: Record<string, unknown>;
  digest: string;
  /** Why; the digest covers `facts`, not this (default: "") */
  reason?: string;
}

/** The newest first. */
export interface RecordList {
  items: Array<RecordLine>;
}

/** The consensus and the portfolio of each era of a round. */
export interface RoundDesk {
  /** (pattern: "^rnd_[0-9a-f]{32}$") */
  round: string;
  consensus: Array<ConsensusWrite>;
  portfolios: Array<OptimizerWrite>;
}

/** Your entries, the newest first; `next` is the `before` of the next page. */
export interface SignalPage {
  items: Array<SignalReceipt>;
  next: number | null;
}

/**
 * That a write was taken: `digest` is what the log holds for ever.
 *
 * `digest` is the leaf hash of RFC 6962, section 2.1, over `entry`: SHA-256 of a zero byte and the entry's bytes. The
 * entry is JSON without spaces and with sorted keys: the write's digest, who wrote, and when the desk received it.
 */
export interface SignalReceipt {
  id: string;
  /** (pattern: "^dep_[0-9a-f]{32}$") */
  deployment: string;
  /** (pattern: "^rnd_[0-9a-f]{32}$") */
  round: string;
  /** (minimum: 1, maximum: 1000000) */
  era: number;
  /** The number of the entry in the log, from 0 (minimum: 0) */
  place: number;
  entry: string;
  /** (pattern: "^[0-9a-f]{64}$") */
  digest: string;
  /** (format: "date-time") */
  received_at: string;
  /** Whether the same scores were there already (default: false) */
  is_repeated?: boolean;
}

/** What to switch off: a deployment's id, a vendor's name or id, or nothing where it is `all`. */
export interface ThrowRequest {
  scope: "deployment" | "vendor" | "all";
  /** (maxLength: 64, default: "*") */
  target?: string;
  /** (minLength: 3, maxLength: 500) */
  reason: string;
}

/**
 * The state of the log at the end of an hour, signed by the marketplace.
 *
 * `root` is the Merkle tree hash of the first `size` entries (RFC 6962, section 2.1). `signature` is Ed25519, base64,
 * over the UTF-8 bytes of `mercato-signals/1`, `size`, `root` and `at` joined by line feeds (`at` as it stands here).
 */
export interface TreeHead {
  /** (minimum: 0) */
  size: number;
  /** (pattern: "^[0-9a-f]{64}$") */
  root: string;
  at: string;
  /** The marketplace's Ed25519 public key, base64 of 32 bytes */
  key: string;
  signature: string;
}

