import { expect, it } from "vitest";
import type { Answer } from "./answer";
import { chosenView, viewsOf } from "./views";

const TABLE: Answer = { kind: "table", text: "{}", variables: ["a"], rows: [], columns: [] };
const GRAPH: Answer = { kind: "graph", text: "" };
const NOTHING = { hasPictures: false, hasChart: false, hasPlan: false };
const ALL = { hasPictures: true, hasChart: true, hasPlan: true };

it.each([
  [null, NOTHING, []],
  [null, ALL, ["plan"]],
  [TABLE, NOTHING, ["table", "text"]],
  [TABLE, ALL, ["table", "gallery", "chart", "text", "plan"]],
  [GRAPH, NOTHING, ["text"]],
] as const)("views of an answer", (answer, abilities, expected) => {
  expect(viewsOf(answer, abilities)).toEqual(expected);
});

it("falls back to the first view", () => {
  expect(chosenView("gallery", ["table", "gallery"])).toBe("gallery");
  expect(chosenView("gallery", ["table", "text"])).toBe("table");
  expect(chosenView(null, [])).toBeNull();
});
