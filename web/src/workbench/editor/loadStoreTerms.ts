// Asks the store once for its classes and predicates.

import type { Settings } from "../../common/settings";
import { select } from "../../common/sparql";
import {
  CLASSES_QUERY,
  NO_STORE_TERMS,
  PREDICATES_QUERY,
  type StoreTerms,
  termsOf,
} from "./storeTerms";

/** Nobody waits for them: where they cannot be had, nothing is completed from the store. */
export async function loadStoreTerms(
  { root, hasMetadata }: Settings,
  signal: AbortSignal,
): Promise<StoreTerms> {
  if (!hasMetadata) {
    return NO_STORE_TERMS;
  }
  try {
    // One after the other, so that a visitor's own query finds a free place.
    const predicates = await select(root, PREDICATES_QUERY, signal);
    const classes = await select(root, CLASSES_QUERY, signal);
    return { predicates: termsOf(predicates.rows), classes: termsOf(classes.rows) };
  } catch {
    return NO_STORE_TERMS;
  }
}
