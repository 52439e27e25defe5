// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/**
 * The public keys that sign heads, from the first to the newest, and why one leads to the next.
 *
 * At each rotation the key before and the new key sign the same link. So whoever knows one of the keys can check all the
 * others offline: towards newer ones by the signature of the key before, towards older ones by that of the key after.
 */

/** A public key of the marketplace. Both signatures are Ed25519, base64, over `link_bytes`; empty for the first. */
export interface PublishedHeadKey {
  /** The id of the marketplace's secret that the key is made from */
  id: string;
  /** The Ed25519 public key, base64 of 32 bytes */
  key: string;
  /** From when on it signs, RFC 3339 in UTC; 1970 for the first key */
  since: string;
  /** Whether it signs now, signs later, or only verifies what it signed */
  state: "coming" | "newest" | "older" | "retired";
  /** Signature of the link by the key before; empty for the first key */
  by_the_one_before: string;
  /** Signature of the same link by this key; empty for the first key */
  by_itself: string;
}

/** Every key that ever signed a head, in order. */
export interface PublishedHeadKeys {
  /** The keys, the oldest first */
  items: Array<PublishedHeadKey>;
}

