// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Durable workflows and queues, as operators see them. */

/** The readers of news, the workflows under way and the messages that are to be delivered. */
export interface QueueList {
  /** The queues */
  items: Array<QueueView>;
}

/** How much waits, and since when the oldest does. */
export interface QueueView {
  /** The queue's name */
  name: string;
  /** How many wait */
  waiting: number;
  /** How long the oldest waits, in seconds; null: none waits */
  oldest_seconds: number | null;
  /** When it was read, UTC (format: "date-time") */
  read_at: string;
  /** Whether it was read more than 90 seconds ago */
  stale: boolean;
}

/** Why a workflow is retried or cancelled. */
export interface WorkflowOrder {
  /** Why, 1 to 500 characters; it is in the audit log (minLength: 1, maxLength: 500) */
  reason: string;
}

/** The newest first. */
export interface WorkflowPage {
  /** The workflows of this page, newest first */
  items: Array<WorkflowView>;
  /** The cursor of the next page; null on the last page */
  next: string | null;
}

/** One workflow: the kind of work, and what it works on. */
export interface WorkflowView {
  /** The workflow's id */
  id: string;
  /** The kind of work */
  workflow: string;
  /** The id of what it works on */
  subject: string;
  /** Where it stands */
  state: "waiting" | "running" | "done" | "failed" | "cancelled";
  /** How many steps have ended */
  steps: number;
  /** Why it failed */
  error: string;
  /** The process that works on it; empty while it waits */
  worker: string;
  /** When it began, UTC (format: "date-time") */
  started_at: string;
  /** When it last went on, UTC (format: "date-time") */
  changed_at: string;
}

