// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What the desk answers under `/api`: entries, kill switches, the leaderboard, live against backtest. */

/** What of each position comes from one deployment's signal, in billionths of the capital. */
export interface Attribution {
  /** The deployment's id, `dep_…` (pattern: "^dep_[0-9a-f]{32}$") */
  deployment: string;
  /** The vendor's short name, as in `vendor/name` */
  vendor: string;
  /** Its part of each position, in billionths of the capital */
  positions: Record<string, number>;
}

/** What the vendor's own backtest found: mean and standard deviation of rank ICs by era. */
export interface BacktestRequest {
  /** How many eras the backtest had, 20 to 100,000 (minimum: 20, maximum: 100000) */
  eras: number;
  /** The mean of the rank ICs by era, in [-1, 1] (minimum: -1, maximum: 1) */
  mean_ic: number;
  /** Their standard deviation, above 0 and at most 1 (exclusiveMinimum: 0, maximum: 1) */
  deviation: number;
  /** Where the backtest can be looked up, 1 to 200 characters (minLength: 1, maxLength: 200) */
  source: string;
}

/** The consensus beside what it must beat: equal weights, and the signal that was best so far. */
export interface ConsensusInferenceResponse {
  /** The name and version of this contract (default: "consensus-inference/1") */
  contract?: "consensus-inference/1";
  /** The round's id, `rnd_…` (pattern: "^rnd_[0-9a-f]{32}$") */
  round: string;
  /** The number of an era: one trading day, from 1 (minimum: 1, maximum: 1000000) */
  era: number;
  /** Which version of the method made it */
  spec: string;
  /** The weights, which sum to 1,000,000,000; all are 0 without any signal */
  weights: Array<ConsensusWeight>;
  /** The consensus: a score in [-1, 1] for each id */
  scores: Record<string, number>;
  /** What equal weights would give, for comparison */
  equal_weight: Record<string, number>;
  /** The signal that was best so far, for comparison; null without a history */
  best_single?: string | null;
  /** Participation ratio of the eigenvalues of the signals' correlation matrix (minimum: 0) */
  effective_models: number;
}

/** One deployment's share. `cluster` numbers the signals that move together. */
export interface ConsensusWeight {
  /** The deployment's id, `dep_…` (pattern: "^dep_[0-9a-f]{32}$") */
  deployment: string;
  /** The vendor's short name, as in `vendor/name` */
  vendor: string;
  /** Its share in billionths: 1,000,000,000 is all (minimum: 0, maximum: 1000000000) */
  weight: number;
  /** The number of its group of signals that move together, from 0 (minimum: 0) */
  cluster: number;
  /** What decided the weight */
  reason: "skill" | "vendor-cap" | "cluster-cap" | "shadow" | "held" | "silent";
}

/** A consensus as the desk keeps and publishes it; `inputs` is the digest of the signals that it came from. */
export interface ConsensusWrite {
  /** The name and version of this contract (default: "consensus-write/1") */
  contract?: "consensus-write/1";
  /** The consensus */
  consensus: ConsensusInferenceResponse;
  /** SHA-256 of the signals that it was made from (pattern: "^[0-9a-f]{64}$") */
  inputs: string;
}

/** Signed states of the log, the newest first. */
export interface HeadList {
  /** The signed heads, newest first */
  items: Array<TreeHead>;
}

/** The newest first. */
export interface KillSwitchList {
  /** The switches, newest first */
  items: Array<KillSwitchView>;
}

/** A switch; in force while `lifted_at` is empty. `origin` is `operator` or the trigger that threw it. */
export interface KillSwitchView {
  /** The switch's id, `kil_…` */
  id: string;
  /** What is switched off */
  scope: "deployment" | "vendor" | "all";
  /** A deployment's id, a vendor's id, or `*` for all */
  target: string;
  /** `operator`, or the name of the trigger that threw it */
  origin: string;
  /** Why it was thrown */
  reason: string;
  /** The id of the person or process that threw it */
  by: string;
  /** When it was thrown, UTC (format: "date-time") */
  thrown_at: string;
  /** The id of the person that lifted it; null while in force */
  lifted_by: string | null;
  /** When it was lifted, UTC; null while in force */
  lifted_at: string | null;
}

/** By contribution to the consensus, then by rank IC. */
export interface Leaderboard {
  /** The deployments, best first */
  items: Array<LeaderboardRow>;
}

/** A deployment's standing over all its scored rounds; figures are means over rounds unless stated otherwise. */
export interface LeaderboardRow {
  /** The position, from 1 */
  rank: number;
  /** The deployment's id, `dep_…` (pattern: "^dep_[0-9a-f]{32}$") */
  deployment: string;
  /** The vendor's short name, as in `vendor/name` */
  vendor: string;
  /** How many rounds were scored */
  rounds: number;
  /** How many eras those rounds had */
  eras: number;
  /** Spearman's correlation of scores and targets, in [-1, 1] */
  rank_ic: number;
  /** What it adds to the consensus (MMC) */
  contribution: number;
  /** The standard error of that mean over the rounds; null for fewer than two rounds */
  contribution_error?: number | null;
  /** 1 - its largest mean rank correlation with another vendor's signal */
  uniqueness: number;
  /** 1 - rank correlation of the signal from era to era, on average */
  churn: number;
  /** The share of the book that changes from era to era, on average */
  turnover: number;
  /** Of the last round, over all eras so far */
  deflated_sharpe: number;
  /** In the last round's consensus (minimum: 0, maximum: 1000000000) */
  weight: number;
  /** Whether it is kept out of routing, or failed a gate of its last round */
  is_held: boolean;
}

/** Why it is lifted. */
export interface LiftRequest {
  /** Why, 3 to 500 characters (minLength: 3, maxLength: 500) */
  reason: string;
}

/** The log was recomputed from the scores up: how many of its entries, and of the record's lines, hold. */
export interface LogAudit {
  /** Entries of the signal log that hold */
  entries: number;
  /** Lines of the desk's record that hold */
  record: number;
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

/**
 * What was claimed beside what happened. `z` is their difference in standard errors (Welch), overlap counted.
 *
 * `verdict`: `as-claimed` within 2 standard errors, `worse` or `better` beyond, `too-early` below 20 live eras.
 */
export interface Reconciliation {
  /** The deployment's id, `dep_…` (pattern: "^dep_[0-9a-f]{32}$") */
  deployment: string;
  /** The vendor's short name, as in `vendor/name` */
  vendor: string;
  /** What the vendor claimed; null: nothing */
  claimed: BacktestRequest | null;
  /** When it was claimed, UTC; null: never */
  claimed_at: string | null;
  /** How many eras were scored live */
  live_eras: number;
  /** The mean of the live rank ICs by era */
  live_mean_ic: number;
  /** Their standard deviation */
  live_deviation: number;
  /** The difference in standard errors; null where it cannot be computed */
  z: number | null;
  /** What the difference means */
  verdict: "as-claimed" | "worse" | "better" | "too-early" | "unclaimed";
}

/**
 * One line of the desk's record.
 *
 * What a person wrote is sealed in `facts` with a key of theirs; `reason` has it in clear until they are erased.
 */
export interface RecordLine {
  /** The line's number, from 0 */
  number: number;
  /** When it was written, RFC 3339 in UTC */
  at: string;
  /** The id of the person or process */
  actor: string;
  /** What happened */
  what: string;
  /** What it happened to */
  subject: string;
  /** What is recorded of it */
  facts: Record<string, unknown>;
  /** SHA-256 of the line and of the digest before it */
  digest: string;
  /** Why; the digest covers `facts`, not this (default: "") */
  reason?: string;
}

/** The newest first. */
export interface RecordList {
  /** The lines, newest first */
  items: Array<RecordLine>;
}

/** The consensus and the portfolio of each era of a round. */
export interface RoundDesk {
  /** The round's id, `rnd_…` (pattern: "^rnd_[0-9a-f]{32}$") */
  round: string;
  /** The consensus of each era */
  consensus: Array<ConsensusWrite>;
  /** The portfolio of each era */
  portfolios: Array<OptimizerWrite>;
  /** Deployments of private services that you see, and the names that stand for them in published scores (default: {}) */
  stand_ins?: Record<string, string>;
}

/** Your entries, the newest first; `next` is the `before` of the next page. */
export interface SignalPage {
  /** The entries of this page, newest first */
  items: Array<SignalReceipt>;
  /** Pass it as `before` for the next page; null on the last page */
  next: number | null;
}

/**
 * Confirms that a write was stored; the log keeps `digest` for ever.
 *
 * `digest` is the leaf hash of RFC 6962, section 2.1, over `entry`: SHA-256 of a zero byte and the entry's bytes. The
 * entry is JSON without spaces and with sorted keys: the write's digest, who wrote, and when the desk received it.
 */
export interface SignalReceipt {
  /** The entry's id, `sig_…` */
  id: string;
  /** The deployment's id, `dep_…` (pattern: "^dep_[0-9a-f]{32}$") */
  deployment: string;
  /** The round's id, `rnd_…` (pattern: "^rnd_[0-9a-f]{32}$") */
  round: string;
  /** The number of an era: one trading day, from 1 (minimum: 1, maximum: 1000000) */
  era: number;
  /** The number of the entry in the log, from 0 (minimum: 0) */
  place: number;
  /** The exact text of the log's entry, JSON */
  entry: string;
  /** The entry's leaf hash (pattern: "^[0-9a-f]{64}$") */
  digest: string;
  /** When the desk received it, UTC (format: "date-time") */
  received_at: string;
  /** Whether the same scores were there already (default: false) */
  is_repeated?: boolean;
}

/** What to switch off: a deployment's id, a vendor's name or id, or nothing where it is `all`. */
export interface ThrowRequest {
  /** What is switched off */
  scope: "deployment" | "vendor" | "all";
  /** A deployment's id, a vendor's short name or id, or `*` for all (maxLength: 64, default: "*") */
  target?: string;
  /** Why, 3 to 500 characters (minLength: 3, maxLength: 500) */
  reason: string;
}

/**
 * The state of the log at the end of an hour, signed by the marketplace.
 *
 * `root` is the Merkle tree hash of the first `size` entries (RFC 6962, section 2.1). `signature` is Ed25519, base64,
 * over the UTF-8 bytes of `mercato-signals/1`, `size`, `root` and `at` joined by line feeds (`at` as it stands here).
 */
export interface TreeHead {
  /** The number of entries that the head covers (minimum: 0) */
  size: number;
  /** The Merkle tree hash of the first `size` entries (pattern: "^[0-9a-f]{64}$") */
  root: string;
  /** When it was signed, RFC 3339 in UTC */
  at: string;
  /** The marketplace's Ed25519 public key, base64 of 32 bytes */
  key: string;
  /** Ed25519 signature, base64 */
  signature: string;
}

