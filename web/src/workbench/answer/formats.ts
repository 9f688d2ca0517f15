// The formats in which answers can be had.
import type { QueryForm } from "../query/form";

export interface Format {
  name: string;
  /** As `Accept` says it. */
  mediaType: string;
  /** Of a file that holds it. */
  extension: string;
}

export const TABLE_FORMATS: readonly Format[] = [
  { name: "JSON", mediaType: "application/sparql-results+json", extension: "srj" },
  { name: "XML", mediaType: "application/sparql-results+xml", extension: "srx" },
  { name: "CSV", mediaType: "text/csv", extension: "csv" },
  { name: "TSV", mediaType: "text/tab-separated-values", extension: "tsv" },
];

export const GRAPH_FORMATS: readonly Format[] = [
  { name: "Turtle", mediaType: "text/turtle", extension: "ttl" },
  { name: "N-Triples", mediaType: "application/n-triples", extension: "nt" },
  { name: "RDF/XML", mediaType: "application/rdf+xml", extension: "rdf" },
  { name: "JSON-LD", mediaType: "application/ld+json", extension: "jsonld" },
  { name: "TriG", mediaType: "application/trig", extension: "trig" },
  { name: "N-Quads", mediaType: "application/n-quads", extension: "nq" },
];

/** What the page itself reads. */
export const PAGE_ACCEPT = "application/sparql-results+json, text/turtle";

export function formatsOf(form: QueryForm): readonly Format[] {
  return form === "graph" ? GRAPH_FORMATS : TABLE_FORMATS;
}

/** What a program asks for first. */
export function usualMediaType(form: QueryForm): string {
  return form === "graph" ? "text/turtle" : "application/sparql-results+json";
}
