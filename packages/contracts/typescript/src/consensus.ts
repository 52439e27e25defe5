// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/**
 * The ConsensusInference contract: many signals of one era become one.
 *
 * Weights are whole billionths (`NANO` is all), so that they sum to exactly one.
 */

/** The signals of one era of a round. */
export interface ConsensusInferenceRequest {
  /** (default: "consensus-inference/1") */
  contract?: "consensus-inference/1";
  /** (pattern: "^rnd_[0-9a-f]{32}$") */
  round: string;
  /** (minimum: 1, maximum: 1000000) */
  era: number;
  /** (minItems: 1, maxItems: 2000) */
  signals: Array<ConsensusSignal>;
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

/** One deployment's scores, and its realised skill in earlier rounds, oldest first (rank ICs). */
export interface ConsensusSignal {
  /** (pattern: "^dep_[0-9a-f]{32}$") */
  deployment: string;
  /** (minLength: 1, maxLength: 64) */
  vendor: string;
  scores: Record<string, number>;
  /** (maxItems: 10000, default: []) */
  skill?: Array<number>;
  /** (default: false) */
  is_held?: boolean;
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

