// Numbers among the terms of an answer.
import type { Literal, Term } from "../../common/term";

const XSD = "http://www.w3.org/2001/XMLSchema#";

const NUMERIC = new Set(
  [
    "integer decimal float double",
    "nonPositiveInteger negativeInteger nonNegativeInteger positiveInteger",
    "long int short byte unsignedLong unsignedInt unsignedShort unsignedByte",
  ].flatMap((names) => names.split(" ").map((name) => XSD + name)),
);

/** Whether a term has one of the datatypes of numbers; infinity has, and what is not a number. */
export function isNumeric(term: Term | undefined): term is Literal {
  return term?.type === "literal" && term.datatype !== undefined && NUMERIC.has(term.datatype);
}

/** The number that a term is, or null. */
export function numberOf(term: Term | undefined): number | null {
  if (!isNumeric(term)) {
    return null;
  }
  const number = Number(term.value);
  return Number.isFinite(number) ? number : null;
}
