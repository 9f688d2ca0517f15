// Whether a table is a number per label, and the bars that this makes.
import type { Row } from "../../common/sparql";
import type { Term } from "../../common/term";
import type { TableAnswer } from "./answer";
import { numberOf } from "./number";

/** Which columns a chart can be drawn of. */
export interface ChartColumns {
  label: string;
  /** At least one; the first is drawn until another is chosen. */
  numbers: readonly string[];
}

export interface Bar {
  label: Term;
  number: number;
  /** Where the bar begins and how long it is, as shares of the whole width. */
  start: number;
  length: number;
}

/** More labels are no picture any more. */
export const MOST_BARS = 200;

/** Of longer tables nobody sees a picture, and to look for one would take time. */
const MOST_ROWS = 10_000;

/** The columns of a chart: a number in every row, and before or after it a label that stands in no two rows. */
export function chartColumns({
  variables,
  rows,
}: Pick<TableAnswer, "variables" | "rows">): ChartColumns | null {
  if (rows.length < 2 || rows.length > MOST_ROWS) {
    return null;
  }
  const numbers = variables.filter((name) => rows.every((row) => numberOf(row[name]) !== null));
  const isLabel = (name: string) => isDistinct(rows, name);
  const label =
    variables.find((name) => !numbers.includes(name) && isLabel(name)) ??
    // Numbers per year: of two columns of numbers, the first one names the bars.
    (numbers.length > 1 ? numbers.find(isLabel) : undefined);
  const drawn = numbers.filter((name) => name !== label);
  return label !== undefined && drawn.length > 0 ? { label, numbers: drawn } : null;
}

/** Bars for the first rows, in the order of the answer. */
export function barsOf(rows: readonly Row[], label: string, number: string): Bar[] {
  const values = rows.slice(0, MOST_BARS).map((row) => numberOf(row[number]) ?? 0);
  const low = Math.min(0, ...values);
  const width = Math.max(0, ...values) - low || 1;
  return values.flatMap((value, idx) => {
    const term = rows[idx]?.[label];
    const bar = { number: value, start: (Math.min(0, value) - low) / width };
    return term ? [{ ...bar, label: term, length: Math.abs(value) / width }] : [];
  });
}

function isDistinct(rows: readonly Row[], name: string): boolean {
  const seen = new Set<string>();
  for (const row of rows) {
    const term = row[name];
    if (!term || term.type === "triple") {
      return false;
    }
    seen.add(JSON.stringify(term));
  }
  return seen.size === rows.length;
}
