// What a query gives: a table, yes or no, or a graph.
import { codeOf } from "./code";

export type QueryForm = "select" | "ask" | "graph";

const FORMS: Record<string, QueryForm> = {
  SELECT: "select",
  ASK: "ask",
  CONSTRUCT: "graph",
  DESCRIBE: "graph",
};

/** By the first word of its kind; a query that has none yet is taken for a SELECT. */
export function formOf(query: string): QueryForm {
  const word = /(?<![\w:?$-])(SELECT|ASK|CONSTRUCT|DESCRIBE)(?![\w:-])/i.exec(codeOf(query))?.[1];
  return FORMS[word?.toUpperCase() ?? ""] ?? "select";
}
