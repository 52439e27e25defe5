// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/**
 * The SignalInference contract: what a signal service receives and answers, and what a deployment writes to the desk.
 *
 * Version 1 hands over past prices, version 2 the features of a data round. What a deployment says for an era of a round
 * is sent as `signal-write/1` to `POST /api/signals/store`, signed; the desk answers with a receipt, and proves later that
 * the receipt stands in its log.
 */

/** The features of one era: one row of `values` an id, one column a feature, in the order of the request's list. */
export interface EraFeatures {
  /** (minimum: 1, maximum: 1000000) */
  era: number;
  /** (minItems: 1, maxItems: 5000) */
  ids: Array<string>;
  values: Array<Array<number>>;
}

/** One score for each id of an era. */
export interface EraScores {
  /** (minimum: 1, maximum: 1000000) */
  era: number;
  scores: Record<string, number>;
}

/** The adjusted close of one name on one day. */
export interface PriceBar {
  /** (format: "date") */
  day: string;
  /** (exclusiveMinimum: 0) */
  close: number;
}

/** That a later log only added to an earlier one (RFC 6962, section 2.1.2). */
export interface SignalConsistency {
  first: TreeHead;
  second: TreeHead;
  path: Array<string>;
}

/** Past prices, oldest first, one series a name; the signal is wanted for the day after `as_of`. */
export interface SignalInferenceRequest {
  /** (default: "signal-inference/1") */
  contract?: "signal-inference/1";
  /** (format: "date") */
  as_of: string;
  history: Record<string, Array<PriceBar>>;
}

/** Features of consecutive eras, oldest first. What is said of an era may depend on it and on earlier ones only. */
export interface SignalInferenceRequestV2 {
  /** (default: "signal-inference/2") */
  contract?: "signal-inference/2";
  /** (pattern: "^rnd_[0-9a-f]{32}$") */
  round: string;
  /** (minItems: 1, maxItems: 2000) */
  features: Array<string>;
  /** (minItems: 1, maxItems: 10000) */
  eras: Array<EraFeatures>;
}

/** One score in [-1, 1] for each name asked for: the higher, the better the expected return. */
export interface SignalInferenceResponse {
  /** (default: "signal-inference/1") */
  contract?: "signal-inference/1";
  /** (format: "date") */
  as_of: string;
  model: string;
  /** (minimum: 1, maximum: 252) */
  horizon_days: number;
  scores: Record<string, number>;
}

/** The scores of the eras that were asked for, in their order. */
export interface SignalInferenceResponseV2 {
  /** (default: "signal-inference/2") */
  contract?: "signal-inference/2";
  /** (minLength: 1, maxLength: 200) */
  model: string;
  /** (minItems: 1, maxItems: 10000) */
  eras: Array<EraScores>;
}

/** That an entry stands in the log: `path` leads from it to the root of `head` (RFC 6962, section 2.1.1). */
export interface SignalProof {
  /** (minimum: 0) */
  place: number;
  entry: string;
  path: Array<string>;
  head: TreeHead;
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

/** One receipt for each write, in their order. */
export interface SignalReceipts {
  items: Array<SignalReceipt>;
}

/**
 * What a deployment says of one era of an open round. The last one before the round closes counts.
 *
 * Numbers are numbers here: what is signed as `"0.5"` or `true` is refused, and not guessed at.
 */
export interface SignalWrite {
  /** (default: "signal-write/1") */
  contract?: "signal-write/1";
  /** (pattern: "^dep_[0-9a-f]{32}$") */
  deployment: string;
  /** (pattern: "^rnd_[0-9a-f]{32}$") */
  round: string;
  /** (minimum: 1, maximum: 1000000) */
  era: number;
  scores: Record<string, number>;
  /** (format: "date-time") */
  created_at: string;
}

/** Many writes of one deployment under one signature: all are taken or none. */
export interface SignalWriteBatch {
  /** (default: "signal-write-batch/1") */
  contract?: "signal-write-batch/1";
  /** (minItems: 1, maxItems: 1000) */
  writes: Array<SignalWrite>;
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

