// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Privacy of people: erasure, legal holds, a copy of what is stored about them, and retention. */

/** The newest first; ask on with `before` set to `next`. */
export interface ErasurePage {
  /** The erasures of this page, newest first */
  items: Array<ErasureView>;
  /** Pass it as `before` for the next page; null on the last page */
  next: string | null;
}

/** An erasure. Once it is done, `person` is an empty account; `counts` says how many rows changed. */
export interface ErasureView {
  /** The erasure's id, `ers_…` */
  id: string;
  /** The person's id, `usr_…` */
  person: string;
  /** The short name of the person's organisation */
  organisation: string;
  /** The id of who asked for it */
  asked_by: string;
  /** When it was asked for, UTC (format: "date-time") */
  asked_at: string;
  /** When it was done, UTC; null while it runs */
  ended_at: string | null;
  /** Whether it is done */
  state: "running" | "done";
  /** How many rows were changed or deleted, by table */
  counts: Record<string, number>;
}

/** The newest first, lifted ones too; ask on with `before` set to `next`. */
export interface HoldPage {
  /** The legal holds of this page, newest first */
  items: Array<HoldView>;
  /** Pass it as `before` for the next page; null on the last page */
  next: string | null;
}

/** A legal hold on a person. */
export interface HoldRequest {
  /** Why; it is in the audit log (minLength: 1, maxLength: 500) */
  reason: string;
}

/** A legal hold: while it is in force, the person is not erased. */
export interface HoldView {
  /** The legal hold's id, `lgh_…` */
  id: string;
  /** The person's id, `usr_…` */
  person: string;
  /** The short name of the person's organisation */
  organisation: string;
  /** Why the person is not erased */
  reason: string;
  /** The id of who placed it */
  placed_by: string;
  /** When it was placed, UTC (format: "date-time") */
  placed_at: string;
  /** The id of who lifted it; null while in force */
  lifted_by: string | null;
  /** When it was lifted, UTC; null while in force */
  lifted_at: string | null;
}

/** How long the rows of one table are kept. */
export interface KeptRowsView {
  /** The table's name */
  table: string;
  /** What its rows are for */
  purpose: string;
  /** The legal basis, by GDPR Article 6(1) */
  basis: string;
  /** How long, in words */
  kept: string;
  /** Days after `since`; null where rows do not go by their age */
  days: number | null;
  /** The column whose age counts; empty where rows do not go by their age */
  since: string;
  /** How many rows are past their time; null where nobody counted */
  due: number | null;
}

/** The newest first. */
export interface PersonExportList {
  /** The copies, newest first */
  items: Array<PersonExportView>;
}

/** A copy of what is known of a person. `url` gives the file to whoever has it, until `expires_at`. */
export interface PersonExportView {
  /** The copy's id, `pex_…` */
  id: string;
  /** The person's id, `usr_…` */
  person: string;
  /** Whether the file is ready */
  state: "making" | "ready";
  /** When it was asked for, UTC (format: "date-time") */
  asked_at: string;
  /** When the file is deleted, UTC (format: "date-time") */
  expires_at: string;
  /** The file's size in bytes; 0 while it is being made */
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
  /** Every table, by name */
  items: Array<KeptRowsView>;
}

