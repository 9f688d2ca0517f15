import { expect, it } from "vitest";
import { formOf } from "./form";

it.each([
  ["SELECT * { }", "select"],
  ["# CONSTRUCT\nPREFIX ask: <http://a>\nask { ?s ?p ?o }", "ask"],
  ["PREFIX describe: <http://a>\nCONSTRUCT WHERE { ?s ?p ?o }", "graph"],
  ["DESCRIBE <http://a/SELECT>", "graph"],
  ["", "select"],
])("formOf(%j) is %s", (query, expected) => {
  expect(formOf(query)).toBe(expected);
});
