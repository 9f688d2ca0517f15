// What all terms of a column have in common, said once in its head instead of in every cell.
import type { Row } from "../../common/sparql";
import type { Literal, Term } from "../../common/term";
import { numberOf } from "./number";

export interface Column {
  name: string;
  isNumeric: boolean;
  /** The language or datatype of all its values; null where they differ or have none. */
  tag: string | null;
}

/** `@de`, or the IRI of the datatype; null for plain text and for what is no literal. */
export function tagOf(term: Term): string | null {
  return term.type === "literal" ? literalTag(term) : null;
}

export function columnOf(rows: readonly Row[], name: string): Column {
  const terms = rows.flatMap((row) => row[name] ?? []);
  const tag = terms[0] ? tagOf(terms[0]) : null;
  return {
    name,
    isNumeric: terms.length > 0 && terms.every((term) => numberOf(term) !== null),
    tag: terms.every((term) => tagOf(term) === tag) ? tag : null,
  };
}

function literalTag(term: Literal): string | null {
  const language = term["xml:lang"];
  const direction = term["its:dir"];
  return language ? `@${language}${direction ? `--${direction}` : ""}` : (term.datatype ?? null);
}
