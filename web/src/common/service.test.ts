import { expect, it } from "vitest";
import { withoutLabel } from "./service";

it("leaves out the label that is for programs", () => {
  expect(withoutLabel("MALFORMED QUERY: the query is not SPARQL\n")).toBe(
    "the query is not SPARQL",
  );
});
