// Answers of the service: read from what it sends.
import type { Row } from "../../common/sparql";

export interface TableAnswer {
  kind: "table";
  text: string;
  variables: readonly string[];
  rows: readonly Row[];
}

export interface BooleanAnswer {
  kind: "boolean";
  text: string;
  value: boolean;
}

export interface GraphAnswer {
  kind: "graph";
  text: string;
}

export type Answer = TableAnswer | BooleanAnswer | GraphAnswer;

/** The media type of answers that are tables, or yes or no. */
const RESULTS = "application/sparql-results+json";

/** Reads an answer; throws SyntaxError for JSON that is cut or is none. */
export function readAnswer(text: string, contentType: string): Answer {
  if (!contentType.startsWith(RESULTS)) {
    return { kind: "graph", text };
  }
  const { head, results, boolean } = JSON.parse(text) as {
    head: { vars?: string[] };
    results?: { bindings: Row[] };
    boolean?: boolean;
  };
  return results
    ? { kind: "table", text, variables: head.vars ?? [], rows: results.bindings }
    : { kind: "boolean", text, value: boolean === true };
}
