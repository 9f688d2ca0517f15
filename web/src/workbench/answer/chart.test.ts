import { describe, expect, it } from "vitest";
import type { Term } from "../../common/term";
import type { TableAnswer } from "./answer";
import { barsOf, chartColumns } from "./chart";

const XSD = "http://www.w3.org/2001/XMLSchema#";
const text = (value: string): Term => ({ type: "literal", value });
const count = (value: number): Term => ({
  type: "literal",
  value: `${value}`,
  datatype: `${XSD}integer`,
});

/** A table of strings and numbers, one inner list a row. */
function table(variables: string[], rows: (string | number)[][]): TableAnswer {
  const term = (value: string | number) => (typeof value === "number" ? count(value) : text(value));
  return {
    kind: "table",
    text: "",
    columns: [],
    variables,
    rows: rows.map((row) =>
      Object.fromEntries(row.map((value, idx) => [variables[idx] ?? "", term(value)])),
    ),
  };
}

describe("chartColumns", () => {
  it.each([
    [
      "a number per label",
      table(
        ["a", "n"],
        [
          ["x", 1],
          ["y", 2],
        ],
      ),
      { label: "a", numbers: ["n"] },
    ],
    [
      "several numbers",
      table(
        ["n", "a", "m"],
        [
          [1, "x", 3],
          [2, "y", 3],
        ],
      ),
      { label: "a", numbers: ["n", "m"] },
    ],
    [
      "a number per year",
      table(
        ["y", "n"],
        [
          [1900, 1],
          [1901, 1],
        ],
      ),
      { label: "y", numbers: ["n"] },
    ],
    [
      "labels that repeat",
      table(
        ["a", "n"],
        [
          ["x", 1],
          ["x", 2],
        ],
      ),
      null,
    ],
    [
      "the label that does not repeat",
      table(
        ["a", "b", "n"],
        [
          ["x", "1", 1],
          ["x", "2", 2],
        ],
      ),
      { label: "b", numbers: ["n"] },
    ],
    ["no numbers", table(["a"], [["x"], ["y"]]), null],
    ["one row", table(["a", "n"], [["x", 1]]), null],
    ["numbers that are missing", table(["a", "n"], [["x", 1], ["y"]]), null],
    [
      "text beside numbers",
      table(
        ["a", "n"],
        [
          ["x", 1],
          ["y", "two"],
        ],
      ),
      null,
    ],
  ])("%s", (_, answer, expected) => {
    expect(chartColumns(answer)).toEqual(expected);
  });
});

describe("barsOf", () => {
  it("gives shares of the longest", () => {
    const { rows } = table(
      ["a", "n"],
      [
        ["x", 5],
        ["y", 10],
      ],
    );
    expect(barsOf(rows, "a", "n")).toEqual([
      { label: text("x"), number: 5, start: 0, length: 0.5 },
      { label: text("y"), number: 10, start: 0, length: 1 },
    ]);
  });

  it("draws negative numbers to the left of zero", () => {
    const { rows } = table(
      ["a", "n"],
      [
        ["x", -5],
        ["y", 15],
      ],
    );
    expect(barsOf(rows, "a", "n")).toMatchObject([
      { start: 0, length: 0.25 },
      { start: 0.25, length: 0.75 },
    ]);
  });

  it("draws nothing where all is zero", () => {
    const { rows } = table(["a", "n"], [["x", 0]]);
    expect(barsOf(rows, "a", "n")).toMatchObject([{ start: 0, length: 0 }]);
  });
});
