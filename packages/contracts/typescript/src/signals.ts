// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/**
 * The SignalInference contract: what a signal service receives and answers, and what a deployment writes to the desk.
 *
 * Version 1 hands over past prices, version 2 the features of a data round. A deployment's scores for an era of a round
 * are sent as `signal-write/1` to `POST /api/signals/store`, signed; the desk answers with a receipt, and proves later
 * that the receipt stands in its log.
 */

/** The features of one era: one row of `values` an id, one column a feature, in the order of the request's list. */
export interface EraFeatures {
  /** The number of an era: one trading day, from 1 (minimum: 1, maximum: 1000000) */
  era: number;
  /** The obscured ids of the era, 1 to 5,000 (minItems: 1, maxItems: 5000) */
  ids: Array<string>;
  /** One row for each id, one column for each feature */
  values: Array<Array<number>>;
}

/** One score for each id of an era. */
export interface EraScores {
  /** The number of an era: one trading day, from 1 (minimum: 1, maximum: 1000000) */
  era: number;
  /** A score in [-1, 1] for each id */
  scores: Record<string, number>;
}

/** The adjusted close of one name on one day. */
export interface PriceBar {
  /** The trading day (format: "date") */
  day: string;
  /** The adjusted closing price, above 0 (exclusiveMinimum: 0) */
  close: number;
}

/** That a later log only added to an earlier one (RFC 6962, section 2.1.2). */
export interface SignalConsistency {
  /** The earlier head */
  first: TreeHead;
  /** The later head */
  second: TreeHead;
  /** Hashes that prove it */
  path: Array<string>;
}

/** Past prices, oldest first, one series a name; the signal is wanted for the day after `as_of`. */
export interface SignalInferenceRequest {
  /** The name and version of this contract (default: "signal-inference/1") */
  contract?: "signal-inference/1";
  /** The last day that the signal may know (format: "date") */
  as_of: string;
  /** Past prices by ticker, oldest first */
  history: Record<string, Array<PriceBar>>;
}

/** Features of consecutive eras, oldest first. The scores of an era may depend on that era and earlier ones only. */
export interface SignalInferenceRequestV2 {
  /** The name and version of this contract (default: "signal-inference/2") */
  contract?: "signal-inference/2";
  /** The round's id, `rnd_…` (pattern: "^rnd_[0-9a-f]{32}$") */
  round: string;
  /** The names of the features, in the order of the columns (minItems: 1, maxItems: 2000) */
  features: Array<string>;
  /** The features of each era, oldest first (minItems: 1, maxItems: 10000) */
  eras: Array<EraFeatures>;
}

/** One score in [-1, 1] for each name asked for: the higher, the better the expected return. */
export interface SignalInferenceResponse {
  /** The name and version of this contract (default: "signal-inference/1") */
  contract?: "signal-inference/1";
  /** The day that was asked for (format: "date") */
  as_of: string;
  /** The name of the model that answered */
  model: string;
  /** Trading days that the scores look ahead, 1 to 252 (minimum: 1, maximum: 252) */
  horizon_days: number;
  /** A score in [-1, 1] for each ticker */
  scores: Record<string, number>;
}

/** The scores of the eras that were asked for, in their order. */
export interface SignalInferenceResponseV2 {
  /** The name and version of this contract (default: "signal-inference/2") */
  contract?: "signal-inference/2";
  /** The name of the model that answered, 1 to 200 characters (minLength: 1, maxLength: 200) */
  model: string;
  /** The scores of each era, in the order asked for (minItems: 1, maxItems: 10000) */
  eras: Array<EraScores>;
}

/** That an entry stands in the log: `path` leads from it to the root of `head` (RFC 6962, section 2.1.1). */
export interface SignalProof {
  /** The number of the entry in the log, from 0 (minimum: 0) */
  place: number;
  /** The exact text of the log's entry, JSON */
  entry: string;
  /** Hashes from the entry's neighbour up to the root */
  path: Array<string>;
  /** The signed head that the path leads to */
  head: TreeHead;
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

/** One receipt for each write, in their order. */
export interface SignalReceipts {
  /** The receipts, in the order of the writes */
  items: Array<SignalReceipt>;
}

/**
 * A deployment's scores for one era of an open round. The last write before the round closes counts.
 *
 * Numbers must be JSON numbers: `"0.5"` and `true` are refused, not converted.
 */
export interface SignalWrite {
  /** The name and version of this contract (default: "signal-write/1") */
  contract?: "signal-write/1";
  /** The deployment's id, `dep_…` (pattern: "^dep_[0-9a-f]{32}$") */
  deployment: string;
  /** The round's id, `rnd_…` (pattern: "^rnd_[0-9a-f]{32}$") */
  round: string;
  /** The number of an era: one trading day, from 1 (minimum: 1, maximum: 1000000) */
  era: number;
  /** A score in [-1, 1] for each id */
  scores: Record<string, number>;
  /** When the deployment made it, with its offset (format: "date-time") */
  created_at: string;
}

/** Many writes of one deployment under one signature: all are taken or none. */
export interface SignalWriteBatch {
  /** The name and version of this contract (default: "signal-write-batch/1") */
  contract?: "signal-write-batch/1";
  /** The writes, 1 to 1,000 (minItems: 1, maxItems: 1000) */
  writes: Array<SignalWrite>;
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

