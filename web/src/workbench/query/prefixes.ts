// Prefixes of a query: which it declares, which it lacks, and where a missing line goes.
import { codeOf } from "./code";
import { BUILT_IN_PREFIXES } from "./knownPrefixes";

export type Prefixes = Readonly<Record<string, string>>;

/** A change of the query: `text` is put in at `at`. */
export interface Insertion {
  at: number;
  text: string;
}

/** A place in the query. */
export interface Span {
  from: number;
  to: number;
}

const DECLARATION = /(?<![\w:?$-])PREFIX\s+([\w.-]*)\s*:\s*/gi;

/** The prefixes that the query declares. */
export function declaredPrefixes(query: string): Prefixes {
  const found: Record<string, string> = {};
  for (const match of codeOf(query).matchAll(DECLARATION)) {
    const iri = /^<([^<>\s]*)>/.exec(query.slice(match.index + match[0].length))?.[1];
    if (iri !== undefined) {
      found[match[1] ?? ""] = iri;
    }
  }
  return found;
}

/** The first prefix that is used and neither declared nor built in, with its place. */
export function firstUndeclared(query: string): (Span & { prefix: string }) | null {
  const declared = declaredPrefixes(query);
  const code = codeOf(query).replace(DECLARATION, (part) => " ".repeat(part.length));
  for (const match of code.matchAll(/(?<![\w:?$.-])([A-Za-z][\w-]*(?:\.[\w-]+)*)?:[\w%-]*/g)) {
    const prefix = match[1] ?? "";
    if (!(prefix in declared) && !(prefix in BUILT_IN_PREFIXES)) {
      return { prefix, from: match.index, to: match.index + match[0].length };
    }
  }
  return null;
}

/** The PREFIX line that the query needs before `prefix` can be written, if it needs one. */
export function missingPrefix(query: string, prefix: string, iri: string): Insertion | null {
  const declared = declaredPrefixes(query)[prefix] ?? BUILT_IN_PREFIXES[prefix];
  return declared === undefined
    ? { at: endOfPrologue(query), text: `PREFIX ${prefix}: <${iri}>\n` }
    : null;
}

/** After the last PREFIX or BASE line; otherwise before the first word, below what the query says of itself. */
function endOfPrologue(query: string): number {
  const code = codeOf(query);
  const lines = [...code.matchAll(/(?<![\w:?$-])(?:PREFIX\s+[\w.-]*\s*:|BASE)\s*\0+[^\S\n]*\n?/gi)];
  const last = lines.at(-1);
  if (last) {
    return last.index + last[0].length;
  }
  const firstWord = code.search(/[^\0\s]/);
  return firstWord < 0 ? query.length : firstWord;
}
