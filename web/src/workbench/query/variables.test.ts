import { expect, it } from "vitest";
import { variablesOf } from "./variables";

it("finds each once, outside of comments and texts", () => {
  expect(variablesOf('SELECT ?b $a { ?b ?größe "?no" } # ?no')).toEqual(["b", "a", "größe"]);
});

it("leaves out the one that is being written", () => {
  const query = "SELECT ?score { ?sco";
  expect(variablesOf(query, query.length)).toEqual(["score"]);
});
