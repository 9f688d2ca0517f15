// The variables of a query, in the order in which they are first written.
import { codeOf } from "./code";

/** Their names, without `?`; a variable that is being written at `offset` does not count there. */
export function variablesOf(query: string, offset = -1): string[] {
  const names = new Set<string>();
  for (const match of codeOf(query).matchAll(/[?$]([\p{L}\p{N}_]+)/gu)) {
    if (match.index + match[0].length !== offset) {
      names.add(match[1] ?? "");
    }
  }
  return [...names];
}
