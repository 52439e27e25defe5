// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What GraphQL is asked with, and what it answers. */

/** What was asked for, and what was refused of it. */
export interface GraphqlAnswer {
  data: Record<string, unknown> | null;
  errors?: Array<GraphqlError> | null;
}

/** A refusal: `extensions` has its stable `code`, its `status` and what to do. */
export interface GraphqlError {
  message: string;
  path?: Array<string | number> | null;
  locations?: Array<Record<string, number>> | null;
  extensions: Record<string, unknown>;
}

/** A document, and the values of its variables. */
export interface GraphqlRequest {
  /** (minLength: 1, maxLength: 20000) */
  query: string;
  variables?: Record<string, unknown> | null;
  operationName?: string | null;
  /** Not looked at; clients send it. */
  extensions?: Record<string, unknown> | null;
}

