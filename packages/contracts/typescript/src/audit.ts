// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/**
 * The audit log under `/api/audit`: entries, signed heads, proofs, and how anybody checks them.
 *
 * An entry has two parts. Its core is sealed as it stands: `sealed` is the exact text that is hashed. Its details name
 * people and say what changed; the core holds their salted digest. Details can be erased without breaking a proof.
 */

/** Who did it. `organisation` is empty for a process and for somebody who did not sign in. */
export interface AuditActor {
  /** The id of the user, key or process; empty for `nobody` */
  id: string;
  /** What acted: a user, a key, a process of the marketplace, or somebody who did not sign in */
  kind: "user" | "key" | "process" | "nobody";
  /** The id of the actor's organisation (default: "") */
  organisation?: string;
}

/** That the later head only added to the earlier one. */
export interface AuditConsistency {
  /** The earlier head */
  first: AuditHead;
  /** The later head */
  second: AuditHead;
  /** Hashes that prove it (RFC 9162, section 2.1.4) */
  path: Array<string>;
}

/** The sealed part of an entry. It names nobody. */
export interface AuditCore {
  /** The version of the entry's format (default: 1) */
  version?: 1;
  /** The number of the entry in the log, from 0 (minimum: 0) */
  place: number;
  /** The entry's id, `aud_…` */
  id: string;
  /** When it happened, RFC 3339 in UTC with microseconds */
  at: string;
  /** What happened, as `noun.verb` */
  verb: string;
  /** Whether it was done, refused by permission, or failed */
  outcome: "allowed" | "denied" | "failed";
  /** How often; more than 1 where denials of a minute are merged (minimum: 1) */
  count: number;
  /** Who did it */
  actor: AuditActor;
  /** The organisation that sees the entry; empty where only operators do */
  organisation: string;
  /** What it was done to */
  target: AuditTarget;
  /** The id of the request (default: "") */
  request?: string;
  /** SHA-256 of the details with their salt (pattern: "^[0-9a-f]{64}$") */
  details_sha256: string;
}

/** What an operator decided about an organisation, and why: what the organisation sees of the details. */
export interface AuditDecision {
  /** The reason that the operator gave */
  reason: string;
  /** The changed fields as they were; null where nothing was changed */
  before: Record<string, unknown> | null;
  /** The changed fields as they are; null where nothing was changed */
  after: Record<string, unknown> | null;
}

/** The part of an entry that can be erased. Fields are empty where they do not apply; secrets are replaced. */
export interface AuditDetails {
  /** 16 random bytes in hexadecimal, so that the digest reveals nothing (pattern: "^[0-9a-f]{32}$") */
  salt: string;
  /** The actor's name at that time (default: "") */
  actor_name?: string;
  /** The target's name at that time (default: "") */
  target_name?: string;
  /** The id of the person for whom the actor acted (default: "") */
  on_behalf_of?: string;
  /** `session`, `key` or `deployment_token` (default: "") */
  authenticated?: string;
  /** The id of the session, key or token (default: "") */
  credential?: string;
  /** The client's network: IPv4 to 24 bits, IPv6 to 48 (default: "") */
  address?: string;
  /** The reason that the actor gave (default: "") */
  reason?: string;
  /** The changed fields as they were; null where nothing was changed */
  before?: Record<string, unknown> | null;
  /** The changed fields as they are; null where nothing was changed */
  after?: Record<string, unknown> | null;
}

/**
 * An entry. `sealed` is the exact text of `core` that the log's hashes cover.
 *
 * `details` is null where they were erased, or where somebody of another organisation acted on yours.
 */
export interface AuditEntry {
  /** The sealed part */
  core: AuditCore;
  /** The part that can be erased */
  details: AuditDetails | null;
  /** Of an operator's decision about your organisation, whose details you do not see */
  decision?: AuditDecision | null;
  /** Whether the details were erased (default: false) */
  details_erased?: boolean;
  /** The exact text of `core` that the log's hashes cover */
  sealed: string;
}

/** The newest first; ask on with `before` set to `next`. */
export interface AuditEntryPage {
  /** The entries of this page, newest first */
  items: Array<AuditEntry>;
  /** Pass it as `before` for the next page; null on the last page */
  next: number | null;
}

/** One entry. `proof` is null until the entry is sealed, which takes up to five seconds. */
export interface AuditEntryWithProof {
  /** The entry */
  entry: AuditEntry;
  /** Its proof; null until the entry is sealed */
  proof: AuditProof | null;
}

/** Something that is not as it was sealed. `place` is where, if it is in one place. */
export interface AuditFinding {
  /** What is wrong */
  problem: "edited" | "missing" | "reordered" | "head" | "signature" | "pruned";
  /** The number of the entry; null where it is not in one place */
  place: number | null;
  /** What was expected and what was found, in one sentence */
  detail: string;
}

/**
 * A signed state of the log.
 *
 * `root` is the Merkle tree hash of the first `size` entries (RFC 9162, section 2.1). `signature` is Ed25519, base64,
 * over the UTF-8 bytes of `mercato-audit/1`, `size`, `root` and `at` joined by line feeds.
 */
export interface AuditHead {
  /** The number of entries that the head covers (minimum: 0) */
  size: number;
  /** The Merkle tree hash of the first `size` entries (pattern: "^[0-9a-f]{64}$") */
  root: string;
  /** When it was signed, RFC 3339 in UTC */
  at: string;
  /** The marketplace's Ed25519 public key, base64 of 32 bytes */
  key: string;
  /** Ed25519 signature, base64 */
  signature: string;
}

/** The newest first; ask on with `before` set to `next`. */
export interface AuditHeadPage {
  /** The heads of this page, newest first */
  items: Array<AuditHead>;
  /** Pass it as `before` for the next page; null on the last page */
  next: number | null;
}

/**
 * Hashes of entries in their order: enough to compute every root, and nothing of what the entries say.
 *
 * `segments` are roots over 256 pruned entries each, from the start of the log, on the first page only.
 */
export interface AuditLeaves {
  /** Roots of pruned segments of 256 entries; on the first page only */
  segments: Array<string>;
  /** The place of the first of `leaves` (minimum: 0) */
  first: number;
  /** SHA-256 leaf hashes of entries, in order */
  leaves: Array<string>;
  /** Ask on with `first` set to this */
  next: number | null;
}

/** That an entry stands in the log: `path` leads from it to the root of `head`. */
export interface AuditProof {
  /** Hashes from the entry's neighbour up to the root */
  path: Array<string>;
  /** The signed head that the path leads to */
  head: AuditHead;
}

/** What it was done to; both are empty where there is no one thing. */
export interface AuditTarget {
  /** The kind of target, such as `key` (default: "") */
  type?: string;
  /** The target's id (default: "") */
  id?: string;
}

/** The result of a check of the whole log. */
export interface AuditVerification {
  /** Whether the whole log is as it was sealed */
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
  /** The newest signed head; null before the first */
  head: AuditHead | null;
  /** What is wrong; empty when the log holds */
  findings: Array<AuditFinding>;
}

