// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/**
 * The desk's record: lines chained by SHA-256, and signed states of it that anybody may keep.
 *
 * Altering, inserting or removing a line changes every digest after it, which contradicts the signed heads that others
 * hold; so does cutting off the end.
 */

/**
 * The state of the record when it was sealed, signed by the marketplace.
 *
 * `digest` is that of the last of its first `size` lines. `signature` is Ed25519, base64, over the UTF-8 bytes of
 * `mercato-desk-record/1`, `size`, `digest` and `at` joined by line feeds (`at` as it stands here).
 */
export interface RecordHead {
  /** The number of lines that the head covers (minimum: 1) */
  size: number;
  /** SHA-256 of the last of those lines (pattern: "^[0-9a-f]{64}$") */
  digest: string;
  /** When it was signed, RFC 3339 in UTC */
  at: string;
  /** The marketplace's Ed25519 public key, base64 of 32 bytes */
  key: string;
  /** Ed25519 signature, base64 */
  signature: string;
}

/** Signed states of the desk's record, the newest first. */
export interface RecordHeadList {
  /** The signed heads, newest first */
  items: Array<RecordHead>;
}

