// Answers of the service: read from what it sends.
import { Slices } from "../../common/slices";
import type { Row } from "../../common/sparql";
import { readBindings } from "./bindings";
import { type Column, ColumnReader } from "./columns";

export interface TableAnswer {
  kind: "table";
  text: string;
  variables: readonly string[];
  rows: readonly Row[];
  /** What the terms of each variable have in common. */
  columns: readonly Column[];
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
/** Rows that are looked at between two looks at the clock. */
const AT_ONCE = 500;

/**
 * Reads an answer, in slices where it is long.
 *
 * Throws SyntaxError for JSON that is cut or is none, and the browser's AbortError once `signal` says stop.
 */
export async function readAnswer(
  text: string,
  contentType: string,
  signal?: AbortSignal,
): Promise<Answer> {
  if (!contentType.startsWith(RESULTS)) {
    return { kind: "graph", text };
  }
  const slices = new Slices(signal);
  const rows: Row[] = [];
  const variables = await readBindings(text, slices, (part) => {
    for (const row of part) {
      rows.push(row);
    }
  });
  if (variables) {
    return table(text, variables, rows, slices);
  }
  const { head, results, boolean } = JSON.parse(text) as {
    head: { vars?: string[] };
    results?: { bindings: Row[] };
    boolean?: boolean;
  };
  return results
    ? table(text, head.vars ?? [], results.bindings, slices)
    : { kind: "boolean", text, value: boolean === true };
}

async function table(
  text: string,
  variables: string[],
  rows: Row[],
  slices: Slices,
): Promise<TableAnswer> {
  const readers = variables.map((name) => new ColumnReader(name));
  for (let start = 0; start < rows.length; start += AT_ONCE) {
    const part = rows.slice(start, start + AT_ONCE);
    for (const reader of readers) {
      reader.add(part);
    }
    await slices.pause();
  }
  const columns = readers.map((reader) => reader.column());
  return { kind: "table", text, variables, rows, columns };
}
