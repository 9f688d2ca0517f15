// Numbers among the terms of an answer.
import type { Term } from "../../common/term";

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
