// RDF terms as SPARQL 1.2 Query Results JSON writes them.

export interface Iri {
  type: "uri";
  value: string;
}

export interface BlankNode {
  type: "bnode";
  value: string;
}

export interface Literal {
  type: "literal";
  value: string;
  "xml:lang"?: string;
  "its:dir"?: "ltr" | "rtl";
  datatype?: string;
}

export interface TripleTerm {
  type: "triple";
  value: { subject: Term; predicate: Term; object: Term };
}

export type Term = Iri | BlankNode | Literal | TripleTerm;

const XSD = "http://www.w3.org/2001/XMLSchema#";

const NUMERIC = new Set(
  [
    "integer decimal float double",
    "nonPositiveInteger negativeInteger nonNegativeInteger positiveInteger",
    "long int short byte unsignedLong unsignedInt unsignedShort unsignedByte",
  ].flatMap((names) => names.split(" ").map((name) => XSD + name)),
);

/** The number that a term is, or null. */
export function numberOf(term: Term | undefined): number | null {
  if (term?.type !== "literal" || !term.datatype || !NUMERIC.has(term.datatype)) {
    return null;
  }
  const number = Number(term.value);
  return Number.isFinite(number) ? number : null;
}

/** Whether the datatype says no more than the look of the value does. */
export function isPlainNumber(term: Literal): boolean {
  return numberOf(term) !== null;
}
