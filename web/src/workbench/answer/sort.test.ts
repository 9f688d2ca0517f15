import { expect, it } from "vitest";
import { Slices } from "../../common/slices";
import type { Row } from "../../common/sparql";
import type { Term } from "../../common/term";
import { nextOrder, sorted } from "./sort";

const XSD = "http://www.w3.org/2001/XMLSchema#";
const text = (value: string): Term => ({ type: "literal", value });
const integer = (value: string): Term => ({ type: "literal", value, datatype: `${XSD}integer` });
const double = (value: string): Term => ({ type: "literal", value, datatype: `${XSD}double` });
const iri = (value: string): Term => ({ type: "uri", value });

const rowsOf = (terms: (Term | null)[]): Row[] =>
  terms.map((term, n) => ({ n: integer(`${n}`), ...(term && { a: term }) }));

/** The places in the answer that the rows of `terms` had, in their new order. */
async function order(terms: (Term | null)[], isDescending = false, language = "en") {
  const rows = await sorted(rowsOf(terms), { name: "a", isDescending }, language, new Slices());
  return rows.map(({ n }) => Number(n?.type === "literal" && n.value));
}

it.each([
  [
    "numbers",
    [integer("10"), integer("9"), double("-INF"), double("9.5"), double("INF")],
    [2, 1, 3, 0, 4],
  ],
  ["IRIs", [iri("http://b"), iri("http://a/ü"), iri("http://a/u")], [2, 1, 0]],
  ["texts by locale", [text("Zürich"), text("Äpfel"), text("apfel"), text("Birne")], [2, 1, 3, 0]],
  ["numbers before texts", [text("1"), integer("2"), double("NaN")], [1, 0, 2]],
  ["what is unbound last", [null, text("b"), null, text("a")], [3, 1, 0, 2]],
  ["equal ones as they were", [text("a"), text("b"), text("a"), text("b")], [0, 2, 1, 3]],
])("sorts %s", async (_, terms, expected) => {
  expect(await order(terms)).toEqual(expected);
});

it("sorts down, with what is unbound last and equal ones as they were", async () => {
  expect(await order([text("a"), null, text("b"), text("b"), integer("1")], true)).toEqual([
    2, 3, 0, 4, 1,
  ]);
});

it("follows the language", async () => {
  const terms = [text("zebra"), text("ähnlich")];
  expect(await order(terms, false, "de")).toEqual([1, 0]);
  expect(await order(terms, false, "sv")).toEqual([0, 1]);
});

it("sorts many rows as one would sort them at once", async () => {
  const numbers = Array.from({ length: 12_345 }, (_, n) => (n * 7919) % 10_007);
  const places = numbers
    .map((_, n) => n)
    .sort((a, b) => (numbers[a] ?? 0) - (numbers[b] ?? 0) || a - b);
  expect(await order(numbers.map((n) => integer(`${n}`)))).toEqual(places);
});

it("goes up, down, and back with each click", () => {
  const up = nextOrder(null, "a");
  expect(up).toEqual({ name: "a", isDescending: false });
  const down = nextOrder(up, "a");
  expect(down).toEqual({ name: "a", isDescending: true });
  expect(nextOrder(down, "a")).toBeNull();
  expect(nextOrder(down, "b")).toEqual({ name: "b", isDescending: false });
});
