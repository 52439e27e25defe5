// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What people can have done about what is known of them: erasure, legal holds, a copy, and how long rows are kept. */

/** The newest first; ask on with `before` set to `next`. */
export interface ErasurePage {
  items: Array<ErasureView>;
  next: string | null;
}

/** An erasure. `person` leads to an empty account once it is done; `counts` says what went. */
export interface ErasureView {
  id: string;
  person: string;
  /** The short name of the person's organisation */
  organisation: string;
  asked_by: string;
  /** (format: "date-time") */
  asked_at: string;
  ended_at: string | null;
  state: "running" | "done";
  counts: Record<string, number>;
}

/** The newest first, lifted ones too; ask on with `before` set to `next`. */
export interface HoldPage {
  items: Array<HoldView>;
  next: string | null;
}

/** A legal hold on a person. */
export interface HoldRequest {
  /** Why; it is in the audit log (minLength: 1, maxLength: 500) */
  reason: string;
}

/** A legal hold: while it is in force, the person is not erased. */
export interface HoldView {
  id: string;
  person: string;
  organisation: string;
  reason: string;
  placed_by: string;
  /** (format: "date-time") */
  placed_at: string;
  lifted_by: string | null;
  lifted_at: string | null;
}

/** How long the rows of one table are kept. */
export interface KeptRowsView {
  table: string;
  purpose: string;
  /** The legal basis, by GDPR Article 6(1) */
  basis: string;
  /** How long, in words */
  kept: string;
  /** Days after `since`; null where rows do not go by their age */
  days: number | null;
  since: string;
  /** How many rows are past their time; null where nobody counted */
  due: number | null;
}

/** The newest first. */
export interface PersonExportList {
  items: Array<PersonExportView>;
}

/** A copy of what is known of a person. `url` gives the file to whoever has it, until `expires_at`. */
export interface PersonExportView {
  id: string;
  person: string;
  state: "making" | "ready";
  /** (format: "date-time") */
  asked_at: string;
  /** (format: "date-time") */
  expires_at: string;
  bytes: number;
  /** Of the file; empty while it is being made */
  sha256: string;
  /** How many rows of each table are in it */
  rows: Record<string, number>;
  /** Null while it is being made */
  url: string | null;
}

/** About whom. */
export interface PersonRequest {
  /** The id of a person, or `me` (minLength: 1, maxLength: 64, default: "me") */
  person?: string;
}

/** Every table, by name. */
export interface RetentionView {
  items: Array<KeptRowsView>;
}

