// The language or the datatype of a literal, in small.

import { compactIri } from "../answer/compact";
import { KNOWN_PREFIXES } from "../query/knownPrefixes";
import type { Prefixes } from "../query/prefixes";
import { shortened } from "../query/shorten";

export function Tag({ tag, prefixes }: { tag: string; prefixes: Prefixes }) {
  const short = shortened(tag, { ...prefixes, ...KNOWN_PREFIXES });
  return <span class="tag">{tag.startsWith("@") ? tag : (short ?? compactIri(tag))}</span>;
}
