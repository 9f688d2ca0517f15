// RDF terms: as the SPARQL JSON results have them, and as SPARQL writes them.

export interface Iri {
  type: "uri";
  value: string;
}

export interface Literal {
  type: "literal";
  value: string;
  "xml:lang"?: string;
  /** Base direction of SPARQL 1.2. */
  "its:dir"?: "ltr" | "rtl";
  datatype?: string;
}

export interface BlankNode {
  type: "bnode";
  value: string;
}

/** SPARQL 1.2's triple as a term. */
export interface TripleTerm {
  type: "triple";
  value: { subject: Term; predicate: Term; object: Term };
}

export type Term = Iri | Literal | BlankNode | TripleTerm;

/** A term that a query can name. */
export type NamedTerm = Iri | Literal;

export function isNamed(term: Term | undefined): term is NamedTerm {
  return term?.type === "uri" || term?.type === "literal";
}

/** Whether `text` is an absolute IRI that can stand between `<` and `>`. */
export function isIri(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(text) && !FORBIDDEN.test(text);
}

/** `<iri>`; fails on what an IRI cannot hold, so that nothing can leave the brackets. */
export function iri(text: string): string {
  if (!isIri(text)) {
    throw new RangeError(`not an IRI: ${text}`);
  }
  return `<${text}>`;
}

/** `"text"` with everything escaped that would end it or break its line. */
export function literal(text: string): string {
  const escaped = text
    .toWellFormed()
    .replace(/[\\"]/g, "\\$&")
    .replace(/[\n\r\t\b\f]/g, (c) => ESCAPES[c] ?? c);
  return `"${escaped}"`;
}

/** `term` as SPARQL writes it. */
export function written(term: NamedTerm): string {
  if (term.type === "uri") {
    return iri(term.value);
  }
  const tag = term["xml:lang"];
  if (tag !== undefined) {
    return `${literal(term.value)}@${languageTag(tag)}`;
  }
  return term.datatype === undefined
    ? literal(term.value)
    : `${literal(term.value)}^^${iri(term.datatype)}`;
}

/** Of IRIREF in the grammar of SPARQL, with what a URL in `<…>` cannot mean either. */
const FORBIDDEN = /[\p{Cc}\p{Cs} <>"{}|\\^`]/u;
const ESCAPES: Record<string, string> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\b": "\\b",
  "\f": "\\f",
};

function languageTag(tag: string): string {
  if (!/^[a-z]+(-[a-z0-9]+)*(--(ltr|rtl))?$/i.test(tag)) {
    throw new RangeError(`not a language tag: ${tag}`);
  }
  return tag;
}
