// How many solutions a query asks for.
import { codeOf } from "./code";

/** The LIMIT of the whole query, not that of a query inside; null without one. */
export function limitOf(query: string): number | null {
  // VALUES may follow.
  const limit = /\bLIMIT\s+(\d+)(?:\s+OFFSET\s+\d+)?\s*(?:VALUES[^{]*\{[^}]*\}\s*)?$/i;
  const code = codeOf(query).replaceAll("\0", " ");
  const [, number] = limit.exec(code) ?? [];
  return number === undefined ? null : Number(number);
}
