// Rows in the order of a column: numbers as numbers, IRIs and texts as the reader's language has them.
import type { Slices } from "../../common/slices";
import type { Row } from "../../common/sparql";
import type { Term } from "../../common/term";
import { isNumeric } from "./number";

/** What rows are sorted by. */
export interface Order {
  name: string;
  isDescending: boolean;
}

/** Rows that are sorted at once, and rows that are merged between two looks at the clock. */
const AT_ONCE = 1000;

/** Numbers, then texts; null for what is unbound. */
type Key = number | string | null;

/** The order after a click on the head of `name`: up, down, and then that of the answer again. */
export function nextOrder(order: Order | null, name: string): Order | null {
  if (order?.name !== name) {
    return { name, isDescending: false };
  }
  return order.isDescending ? null : { name, isDescending: true };
}

/** `rows` in `order`; equal ones stay as they were, and rows without a value come last both ways. */
export async function sorted(
  rows: readonly Row[],
  { name, isDescending }: Order,
  language: string,
  slices: Slices,
): Promise<Row[]> {
  const keys = rows.map((row) => keyOf(row[name]));
  const { compare } = new Intl.Collator(language);
  const sign = isDescending ? -1 : 1;
  const compareKeys = (a: number, b: number) => {
    const [first = null, second = null] = [keys[a], keys[b]];
    if (first === null || second === null) {
      return Number(first === null) - Number(second === null);
    }
    return sign * compareValues(first, second, compare);
  };
  const order = await mergeSorted(rows.length, compareKeys, slices);
  return order.map((at) => rows[at] as Row);
}

function keyOf(term: Term | undefined): Key {
  if (!term) {
    return null;
  }
  if (!isNumeric(term)) {
    return textOf(term);
  }
  const number = Number(term.value.replace(/INF$/, "Infinity"));
  return Number.isNaN(number) ? term.value : number;
}

function textOf(term: Term): string {
  switch (term.type) {
    case "bnode":
      return `_:${term.value}`;
    case "triple": {
      const { subject, predicate, object } = term.value;
      return [subject, predicate, object].map(textOf).join(" ");
    }
    default:
      return term.value;
  }
}

function compareValues(
  a: number | string,
  b: number | string,
  compareTexts: (a: string, b: string) => number,
): number {
  if (typeof a === "number" && typeof b === "number") {
    // Infinity minus itself is no number.
    return a === b ? 0 : a - b;
  }
  if (typeof a === "string" && typeof b === "string") {
    return compareTexts(a, b);
  }
  return typeof a === "number" ? -1 : 1;
}

/** The numbers below `n` in the order of `compare`: the browser sorts short runs, which are then merged in slices. */
async function mergeSorted(
  n: number,
  compare: (a: number, b: number) => number,
  slices: Slices,
): Promise<number[]> {
  let runs: number[][] = [];
  for (let start = 0; start < n; start += AT_ONCE) {
    const length = Math.min(AT_ONCE, n - start);
    runs.push(Array.from({ length }, (_, at) => start + at).sort(compare));
    await slices.pause();
  }
  while (runs.length > 1) {
    const merged: number[][] = [];
    for (let at = 0; at < runs.length; at += 2) {
      merged.push(await mergedRuns(runs[at] ?? [], runs[at + 1] ?? [], compare, slices));
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

async function mergedRuns(
  left: number[],
  right: number[],
  compare: (a: number, b: number) => number,
  slices: Slices,
): Promise<number[]> {
  const merged: number[] = [];
  const [ends, other] = [left.length, right.length];
  let [l, r] = [0, 0];
  while (l < ends || r < other) {
    const [first, second] = [left[l], right[r]];
    if (second === undefined || (first !== undefined && compare(first, second) <= 0)) {
      merged.push(first as number);
      l += 1;
    } else {
      merged.push(second);
      r += 1;
    }
    if (merged.length % AT_ONCE === 0) {
      await slices.pause();
    }
  }
  return merged;
}
