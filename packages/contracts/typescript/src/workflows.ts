// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Durable workflows and queues, as operators see them. */

/** The readers of news, the workflows under way and the messages that are to be delivered. */
export interface QueueList {
  items: Array<QueueView>;
}

/** How much waits, and since when the oldest does. */
export interface QueueView {
  name: string;
  waiting: number;
  oldest_seconds: number | null;
  /** (format: "date-time") */
  read_at: string;
  /** Whether it was read more than 90 seconds ago */
  stale: boolean;
}

/** Why a workflow is retried or cancelled. */
export interface WorkflowOrder {
  /** (minLength: 1, maxLength: 500) */
  reason: string;
}

/** The newest first. */
export interface WorkflowPage {
  items: Array<WorkflowView>;
  next: string | null;
}

/** One workflow: the kind of work, and what it works on. */
export interface WorkflowView {
  id: string;
  workflow: string;
  subject: string;
  state: "waiting" | "running" | "done" | "failed" | "cancelled";
  /** How many steps have ended */
  steps: number;
  /** Why it failed */
  error: string;
  worker: string;
  /** (format: "date-time") */
  started_at: string;
  /** (format: "date-time") */
  changed_at: string;
}

