// The classes and predicates of the store, most frequent first, as far as a bounded look finds them.
import type { Row } from "../../common/sparql";
import { numberOf } from "../answer/number";

export interface StoreTerm {
  iri: string;
  /** How often the look found it. */
  n: number;
}

export interface StoreTerms {
  classes: readonly StoreTerm[];
  predicates: readonly StoreTerm[];
}

export const NO_STORE_TERMS: StoreTerms = { classes: [], predicates: [] };

/** So many triples are looked at, so that large stores answer soon, too. */
const LOOKED_AT = 100_000;
const MOST_TERMS = 200;

export const PREDICATES_QUERY = countQuery("?s ?term ?o");
export const CLASSES_QUERY = countQuery("?s a ?term");

function countQuery(pattern: string): string {
  return `SELECT ?term (COUNT(*) AS ?n) WHERE {
  { SELECT ?term WHERE { ${pattern} } LIMIT ${LOOKED_AT} }
} GROUP BY ?term ORDER BY DESC(?n) LIMIT ${MOST_TERMS}`;
}

/** The terms that such a query found. */
export function termsOf(rows: readonly Row[]): StoreTerm[] {
  return rows.flatMap(({ term, n }) =>
    term?.type === "uri" ? [{ iri: term.value, n: numberOf(n) ?? 0 }] : [],
  );
}
