// An IRI, as short as prefixes make it; those of the web are links.
import type { ComponentChildren } from "preact";
import { compactIri } from "../answer/compact";
import { KNOWN_PREFIXES } from "../query/knownPrefixes";
import type { Prefixes } from "../query/prefixes";
import { shortened } from "../query/shorten";

interface Props {
  iri: string;
  prefixes: Prefixes;
  /** A picture before the text. */
  children?: ComponentChildren;
}

export function IriLink({ iri, prefixes, children }: Props) {
  const text = shortened(iri, prefixes) ?? shortened(iri, KNOWN_PREFIXES) ?? compactIri(iri);
  return /^https?:/i.test(iri) ? (
    // In a tab of its own: the answer would have to be asked for again.
    <a href={iri} title={iri} target="_blank" rel="noreferrer" class="iri">
      {children}
      <span>{text}</span>
    </a>
  ) : (
    <span class="iri" title={iri}>
      {text}
    </span>
  );
}
