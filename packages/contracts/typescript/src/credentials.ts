// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** Credentials under `/api/credentials`: what a vendor's own endpoints ask for, stored sealed and never shown again. */

/** All of the organisation's, by name. */
export interface CredentialList {
  /** The organisation's credentials, by name */
  items: Array<CredentialView>;
}

/** The secret as its endpoint expects it: 8 to 4,096 visible ASCII characters, blanks only inside. */
export interface CredentialRequest {
  /** The secret: 8 to 4,096 visible ASCII characters; it is never shown again (maxLength: 16384) */
  value: string;
}

/** A stored secret, without it. Equal fingerprints: the same secret; nobody else can compute one. */
export interface CredentialView {
  /** The name that manifests use for it */
  name: string;
  /** A keyed digest: equal for equal secrets, and useless without the marketplace's key */
  fingerprint: string;
  /** The id of the person or key that stored it first */
  created_by: string;
  /** When it was made, UTC (format: "date-time") */
  created_at: string;
  /** The id of the person or key that stored it last */
  changed_by: string;
  /** When it was last stored, UTC (format: "date-time") */
  changed_at: string;
  /** The services, `vendor/name`, whose releases present it */
  used_by: Array<string>;
}

