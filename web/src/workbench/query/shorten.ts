// IRIs as people write them: a prefix and a name.
import type { Prefixes } from "./prefixes";

/** A name that may follow a prefix without escapes. */
const LOCAL_NAME = /^[\p{L}\p{N}_](?:[\p{L}\p{N}_.-]*[\p{L}\p{N}_-])?$/u;

/** `dct:title` for an IRI, or null where no prefix fits; the longest namespace wins. */
export function shortened(iri: string, prefixes: Prefixes): string | null {
  let best: [string, string] | null = null;
  for (const entry of Object.entries(prefixes)) {
    if (entry[1] && iri.startsWith(entry[1]) && entry[1].length > (best?.[1].length ?? 0)) {
      best = entry;
    }
  }
  const name = best && iri.slice(best[1].length);
  return best && name && LOCAL_NAME.test(name) ? `${best[0]}:${name}` : null;
}
