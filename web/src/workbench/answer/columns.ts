// What the terms of a column have in common: said once in its head instead of in every cell.
import type { Row } from "../../common/sparql";
import type { Literal, Term } from "../../common/term";
import { numberOf } from "./number";

export interface Column {
  name: string;
  isNumeric: boolean;
  /** The language or datatype of all its values; null where they differ or have none. */
  tag: string | null;
  /** The first distinct IRIs of the web in it, `SAMPLE` at most: they tell what the column holds. */
  iris: readonly string[];
}

/** So many IRIs of a column are enough to tell what it holds. */
export const SAMPLE = 20;

/** `@de`, or the IRI of the datatype; null for plain text and for what is no literal. */
export function tagOf(term: Term): string | null {
  return term.type === "literal" ? literalTag(term) : null;
}

/** Reads a column as its rows come. */
export class ColumnReader {
  readonly #name: string;
  readonly #iris = new Set<string>();
  /** Undefined before the first term. */
  #tag: string | null | undefined;
  #isNumeric = true;

  constructor(name: string) {
    this.#name = name;
  }

  add(rows: readonly Row[]): void {
    for (const row of rows) {
      const term = row[this.#name];
      if (term) {
        this.#see(term);
      }
    }
  }

  column(): Column {
    return {
      name: this.#name,
      isNumeric: this.#isNumeric && this.#tag !== undefined,
      tag: this.#tag ?? null,
      iris: [...this.#iris],
    };
  }

  #see(term: Term): void {
    const tag = tagOf(term);
    this.#tag = this.#tag === undefined || this.#tag === tag ? tag : null;
    this.#isNumeric &&= numberOf(term) !== null;
    if (term.type === "uri" && this.#iris.size < SAMPLE && isWeb(term.value)) {
      this.#iris.add(term.value);
    }
  }
}

/** Whether `iri` is one of the web. */
export function isWeb(iri: string): boolean {
  return /^https?:/.test(iri);
}

function literalTag(term: Literal): string | null {
  const language = term["xml:lang"];
  const direction = term["its:dir"];
  return language ? `@${language}${direction ? `--${direction}` : ""}` : (term.datatype ?? null);
}
