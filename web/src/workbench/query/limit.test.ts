import { expect, it } from "vitest";
import { limitOf } from "./limit";

it.each([
  ["SELECT * { ?s ?p ?o } LIMIT 10", 10],
  ["SELECT * { ?s ?p ?o }\nlimit 10\noffset 5 # LIMIT 3\n", 10],
  ["SELECT * { ?s ?p ?o } OFFSET 5 LIMIT 10", 10],
  ["SELECT * { ?s ?p ?o } LIMIT 10 VALUES (?s) { (<http://a>) }", 10],
  ["SELECT * { { SELECT * { ?s ?p ?o } LIMIT 10 } }", null],
  ["SELECT * { ?s ?p 'LIMIT 10' }", null],
  ["SELECT * { ?s ?p ?o }", null],
])("limitOf(%s)", (query, expected) => {
  expect(limitOf(query)).toBe(expected);
});
