// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Training: what a run is asked for, how it goes, what it leaves. */

/** A file that a run left: a LightGBM model as text, or ONNX. */
export interface ArtifactView {
  name: string;
  kind: "lightgbm" | "onnx";
  bytes: number;
  sha256: string;
}

/** A job that runs elsewhere says which one it is. */
export interface ClaimRequest {
  /** (minLength: 1, maxLength: 100) */
  job: string;
}

/** The answer of a job that runs elsewhere and did not succeed; its log goes beside these fields. */
export interface JobFailure {
  /** What went wrong, in one sentence (minLength: 1) */
  error: string;
  /** `timed_out` when the job was ended because its time was over (default: "failed") */
  end?: "failed" | "timed_out";
}

/** What a run said, from `offset` on: ask again with `next`. `ended` once nothing follows. */
export interface LogPage {
  text: string;
  /** (minimum: 0, maximum: 9000000000000000000) */
  offset: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  next: number;
  ended: boolean;
}

/** A spec and the code that it is run with: a zip of the project's folder, in base64. */
export interface StartTrainingRequest {
  spec: TrainingSpec;
  /** (maxLength: 12000000) */
  code: string;
}

/** What a run may use at most; what uses more is ended. */
export interface TrainingLimits {
  /** (minimum: 1, maximum: 86400, default: 3600) */
  seconds?: number;
  /** (minimum: 64, maximum: 1048576, default: 4096) */
  memory_mib?: number;
  /** Processes and threads (minimum: 1, maximum: 1024, default: 64) */
  processes?: number;
  /** (minimum: 1, maximum: 1048576, default: 2048) */
  disk_mib?: number;
}

/** A run. `state` ends in one of `succeeded`, `failed`, `timed_out`, `stopped`, and then stays. */
export interface TrainingRun {
  /** (default: "training-run/1") */
  contract?: "training-run/1";
  id: string;
  spec: TrainingSpec;
  state: "queued" | "running" | "collecting" | "succeeded" | "failed" | "timed_out" | "stopped";
  /** Why it waits, or how it ended, in one sentence; empty when there is nothing to say */
  why: string;
  code_sha256: string;
  data_sha256: string | null;
  /** Where it ran: versions, machine, containment */
  environment: Record<string, string>;
  /** (minimum: 0, maximum: 9000000000000000000) */
  cost_nanos: number;
  /** (minimum: 0, maximum: 9000000000000000000) */
  nanos_per_hour: number;
  steps: Array<TrainingStepView>;
  /** What the code reported at the end */
  metrics: Record<string, number>;
  artifacts: Array<ArtifactView>;
  exit_code: number | null;
  /** (format: "date-time") */
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  /** When the present state is over at the latest (format: "date-time") */
  deadline_at: string;
}

/** Some runs, the newest first, without their steps; `next` is the `after` of the next page. */
export interface TrainingRunPage {
  items: Array<TrainingRun>;
  next: string | null;
}

/** A model to be trained. The same spec, code and data give the same model, as far as the code keeps to its seed. */
export interface TrainingSpec {
  /** (default: "training-spec/1") */
  contract?: "training-spec/1";
  /** (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$") */
  task: string;
  /** The data round; none: no data */
  round?: string | null;
  /** (default: {}) */
  hyperparameters?: Record<string, boolean | number | string>;
  /** (minimum: 0, maximum: 2147483647, default: 0) */
  seed?: number;
  /** (default: "local") */
  provider?: "local" | "runpod";
  gpu?: string | null;
  /** Nano-dollars at which the run is stopped */
  max_cost_nanos?: number | null;
  /** (default: {"seconds": 3600, "memory_mib": 4096, "processes": 64, "disk_mib": 2048}) */
  limits?: TrainingLimits;
}

/** What the code reported at a step. */
export interface TrainingStepView {
  step: number;
  metrics: Record<string, number>;
  /** (format: "date-time") */
  at: string;
}

