// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/**
 * The audit log under `/api/audit`: entries, signed heads, proofs, and how anybody checks them.
 *
 * An entry has two parts. Its core is sealed as it stands: `sealed` is the exact text that is hashed. Its details name
 * people and say what changed; the core holds their salted digest. Details can be erased without breaking a proof.
 */

/** Who did it. `organisation` is empty for a process and for somebody who did not sign in. */
export interface AuditActor {
  id: string;
  kind: "user" | "key" | "process" | "nobody";
  /** (default: "") */
  organisation?: string;
}

/** That the later head only added to the earlier one. */
export interface AuditConsistency {
  first: AuditHead;
  second: AuditHead;
  path: Array<string>;
}

/** The sealed part of an entry. It names nobody. */
export interface AuditCore {
  /** (default: 1) */
  version?: 1;
  /** The number of the entry in the log, from 0 (minimum: 0) */
  place: number;
  id: string;
  /** When it happened, RFC 3339 in UTC with microseconds */
  at: string;
  /** What happened, as `noun.verb` */
  verb: string;
  outcome: "allowed" | "denied" | "failed";
  /** How often; more than 1 where denials of a minute are merged (minimum: 1) */
  count: number;
  actor: AuditActor;
  /** The organisation that sees the entry; empty where only operators do */
  organisation: string;
  target: AuditTarget;
  /** The id of the request (default: "") */
  request?: string;
  /** (pattern: "^[0-9a-f]{64}$") */
  details_sha256: string;
}

/** The part of an entry that can be erased. Fields are empty where they do not apply; secrets are replaced. */
export interface AuditDetails {
  /** (pattern: "^[0-9a-f]{32}$") */
  salt: string;
  /** (default: "") */
  actor_name?: string;
  /** (default: "") */
  target_name?: string;
  /** (default: "") */
  on_behalf_of?: string;
  /** `session`, `key` or `deployment_token` (default: "") */
  authenticated?: string;
  /** The id of the session, key or token (default: "") */
  credential?: string;
  /** The client's network: IPv4 to 24 bits, IPv6 to 48 (default: "") */
  address?: string;
  /** (default: "") */
  reason?: string;
  before?: Record<string, unknown> | null;
  after?: Record<string, unknown> | null;
}

/**
 * An entry. `sealed` is the exact text of `core` that the log's hashes cover.
 *
 * `details` is null where they were erased, or where somebody of another organisation acted on yours.
 */
export interface AuditEntry {
  core: AuditCore;
  details: AuditDetails | null;
  /** (default: false) */
  details_erased?: boolean;
  sealed: string;
}

/** The newest first; ask on with `before` set to `next`. */
export interface AuditEntryPage {
  items: Array<AuditEntry>;
  next: number | null;
}

/** One entry. `proof` is null until the entry is sealed, which takes up to five seconds. */
export interface AuditEntryWithProof {
  entry: AuditEntry;
  proof: AuditProof | null;
}

/** Something that is not as it was sealed. `place` is where, if it is in one place. */
export interface AuditFinding {
  problem: "edited" | "missing" | "reordered" | "head" | "signature" | "pruned";
  place: number | null;
  detail: string;
}

/**
 * A signed state of the log.
 *
 * `root` is the Merkle tree hash of the first `size` entries (RFC 9162, section 2.1). `signature` is Ed25519, base64,
 * over the UTF-8 bytes of `mercato-audit/1`, `size`, `root` and `at` joined by line feeds.
 */
export interface AuditHead {
  /** (minimum: 0) */
  size: number;
  /** (pattern: "^[0-9a-f]{64}$") */
  root: string;
  at: string;
  /** The marketplace's Ed25519 public key, base64 of 32 bytes */
  key: string;
  signature: string;
}

/** The newest first; ask on with `before` set to `next`. */
export interface AuditHeadPage {
  items: Array<AuditHead>;
  next: number | null;
}

/**
 * Hashes of entries in their order: enough to compute every root, and nothing of what the entries say.
 *
 * `segments` are roots over 256 pruned entries each, from the start of the log, told on the first page.
 */
export interface AuditLeaves {
  segments: Array<string>;
  /** The place of the first of `leaves` (minimum: 0) */
  first: number;
  leaves: Array<string>;
  /** Ask on with `first` set to this */
  next: number | null;
}

/** That an entry stands in the log: `path` leads from it to the root of `head`. */
export interface AuditProof {
  path: Array<string>;
  head: AuditHead;
}

/** What it was done to; both are empty where there is no one thing. */
export interface AuditTarget {
  /** (default: "") */
  type?: string;
  /** (default: "") */
  id?: string;
}

/** The result of a check of the whole log. */
export interface AuditVerification {
  holds: boolean;
  /** How many entries were checked (minimum: 0) */
  entries: number;
  /** How many older ones were pruned (minimum: 0) */
  pruned: number;
  /** How many have erased details (minimum: 0) */
  erased: number;
  /** How many came after the newest head (minimum: 0) */
  unsealed: number;
  /** How many heads were checked (minimum: 0) */
  heads: number;
  /** How many of them are kept outside of the database (minimum: 0) */
  anchors: number;
  head: AuditHead | null;
  findings: Array<AuditFinding>;
}

