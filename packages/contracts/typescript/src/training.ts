// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Training: what a run is asked for, how it goes, what it leaves. */

/** A file that a run left: a LightGBM model as text, or ONNX. */
export interface ArtifactView {
  /** The file's name */
  name: string;
  /** The format of the model */
  kind: "lightgbm" | "onnx";
  /** The file's size in bytes */
  bytes: number;
  /** SHA-256 of the file */
  sha256: string;
}

/** A job that runs elsewhere says which one it is. */
export interface ClaimRequest {
  /** The provider's id of the job (minLength: 1, maxLength: 100) */
  job: string;
}

/** The answer of a job that runs elsewhere and did not succeed; its log goes beside these fields. */
export interface JobFailure {
  /** What went wrong, in one sentence (minLength: 1) */
  error: string;
  /** `timed_out` when the job was ended because its time was over (default: "failed") */
  end?: "failed" | "timed_out";
}

/** A run's output from `offset` on; ask again with `next`. `ended` once nothing follows. */
export interface LogPage {
  /** A part of the run's output */
  text: string;
  /** Where this part begins in the output (minimum: 0, maximum: 9000000000000000000) */
  offset: number;
  /** Where the next part begins in the output (minimum: 0, maximum: 9000000000000000000) */
  next: number;
  /** Whether nothing follows */
  ended: boolean;
}

/** A spec and the code that it is run with: a zip of the project's folder, in base64. */
export interface StartTrainingRequest {
  /** What is to be trained */
  spec: TrainingSpec;
  /** A zip of the project's folder, base64, at most 12,000,000 characters (maxLength: 12000000) */
  code: string;
}

/** The limits of a run; a run that exceeds one is ended. */
export interface TrainingLimits {
  /** The most seconds of running, at most a day (minimum: 1, maximum: 86400, default: 3600) */
  seconds?: number;
  /** The most memory, in MiB (minimum: 64, maximum: 1048576, default: 4096) */
  memory_mib?: number;
  /** Processes and threads (minimum: 1, maximum: 1024, default: 64) */
  processes?: number;
  /** The most disk space, in MiB (minimum: 1, maximum: 1048576, default: 2048) */
  disk_mib?: number;
}

/** A run. `state` ends in one of `succeeded`, `failed`, `timed_out`, `stopped`, and then stays. */
export interface TrainingRun {
  /** The name and version of this contract (default: "training-run/1") */
  contract?: "training-run/1";
  /** The run's id, `trn_…` */
  id: string;
  /** What is trained */
  spec: TrainingSpec;
  /** Where the run stands */
  state: "queued" | "running" | "collecting" | "succeeded" | "failed" | "timed_out" | "stopped";
  /** Why it waits, or how it ended, in one sentence; empty when there is nothing to say */
  why: string;
  /** SHA-256 of the code */
  code_sha256: string;
  /** SHA-256 of the data; null without data */
  data_sha256: string | null;
  /** Where it ran: versions, machine, containment */
  environment: Record<string, string>;
  /** What it has cost so far, in nano-dollars (minimum: 0, maximum: 9000000000000000000) */
  cost_nanos: number;
  /** What an hour costs, in nano-dollars (minimum: 0, maximum: 9000000000000000000) */
  nanos_per_hour: number;
  /** What the code reported, oldest first; empty in lists */
  steps: Array<TrainingStepView>;
  /** What the code reported at the end */
  metrics: Record<string, number>;
  /** The files that it left */
  artifacts: Array<ArtifactView>;
  /** The exit code of its process; null until it ended, or where it had none */
  exit_code: number | null;
  /** When it was made, UTC (format: "date-time") */
  created_at: string;
  /** When it began to run, UTC; null before */
  started_at: string | null;
  /** When it ended, UTC; null before */
  ended_at: string | null;
  /** When the present state is over at the latest (format: "date-time") */
  deadline_at: string;
}

/** Some runs, the newest first, without their steps; `next` is the `after` of the next page. */
export interface TrainingRunPage {
  /** The runs of this page, newest first */
  items: Array<TrainingRun>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

/** A model to be trained. The same spec, code and data give the same model, as far as the code keeps to its seed. */
export interface TrainingSpec {
  /** The name and version of this contract (default: "training-spec/1") */
  contract?: "training-spec/1";
  /** The name of what is trained (pattern: "^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$") */
  task: string;
  /** The data round; none: no data */
  round?: string | null;
  /** Values that the code reads by name, at most 100 (default: {}) */
  hyperparameters?: Record<string, boolean | number | string>;
  /** The seed of all randomness (minimum: 0, maximum: 2147483647, default: 0) */
  seed?: number;
  /** Where it runs (default: "local") */
  provider?: "local" | "runpod";
  /** The kind of GPU; left out: none */
  gpu?: string | null;
  /** Nano-dollars at which the run is stopped */
  max_cost_nanos?: number | null;
  /** What the run may use at most (default: {"seconds": 3600, "memory_mib": 4096, "processes": 64, "disk_mib": 2048}) */
  limits?: TrainingLimits;
}

/** What the code reported at a step. */
export interface TrainingStepView {
  /** The step's number */
  step: number;
  /** What was reported, by name */
  metrics: Record<string, number>;
  /** When it was reported, UTC (format: "date-time") */
  at: string;
}

