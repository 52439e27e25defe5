// Written by `mercato-contracts typescript` from the JSON Schemas; change the contracts, not this file.

/** What a marketplace says of itself to anybody. */

/** Where the gateway is: at `gateway_url`, or without one at `gateway_port` of the host of the control API. */
export interface MarketplaceView {
  gateway_url: string | null;
  /** (minimum: 1, maximum: 65535) */
  gateway_port: number;
}

