// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/**
 * The ConsensusInference contract: many signals of one era become one.
 *
 * Weights are whole billionths (`NANO` is all), so that they sum to exactly one.
 */

/** The signals of one era of a round. */
export interface ConsensusInferenceRequest {
  /** The name and version of this contract (default: "consensus-inference/1") */
  contract?: "consensus-inference/1";
  /** The round's id, `rnd_…` (pattern: "^rnd_[0-9a-f]{32}$") */
  round: string;
  /** The number of an era: one trading day, from 1 (minimum: 1, maximum: 1000000) */
  era: number;
  /** One signal for each deployment, 1 to 2,000 (minItems: 1, maxItems: 2000) */
  signals: Array<ConsensusSignal>;
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

/** One deployment's scores, and its realised skill in earlier rounds, oldest first (rank ICs). */
export interface ConsensusSignal {
  /** The deployment's id, `dep_…` (pattern: "^dep_[0-9a-f]{32}$") */
  deployment: string;
  /** The vendor's short name; a cap may bound all of a vendor's weights together (minLength: 1, maxLength: 64) */
  vendor: string;
  /** A score in [-1, 1] for each id of the era */
  scores: Record<string, number>;
  /** Rank ICs of earlier rounds, oldest first (maxItems: 10000, default: []) */
  skill?: Array<number>;
  /** Whether the deployment is held, which makes its weight zero (default: false) */
  is_held?: boolean;
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

