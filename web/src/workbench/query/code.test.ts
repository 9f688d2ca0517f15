import { describe, expect, it } from "vitest";
import { codeOf, isCodeBefore } from "./code";

describe("codeOf", () => {
  it.each([
    ['?s ?p "a # b" # c', "?s ?p"],
    ["<http://a#b> ?x", "?x"],
    ["'''a\n'b''' ?x", "?x"],
    ['"a \\" ?no" ?x', "?x"],
    ["FILTER(?a < 3 && ?b > 2)", "FILTER(?a < 3 && ?b > 2)"],
    ['"""open\n?no', ""],
  ])("of %j", (query, expected) => {
    const code = codeOf(query);
    expect(code).toHaveLength(query.length);
    expect(code.replaceAll("\u0000", "").trim()).toBe(expected);
  });
});

describe("isCodeBefore", () => {
  it.each([
    ["SELECT ?x", true],
    ["# SELECT", false],
    ["# SELECT\n", true],
    ['"SELECT', false],
    ['"SELECT" ', true],
    ["<http://ex", false],
    ["?a < ", true],
  ])("%j: %s", (query, expected) => {
    expect(isCodeBefore(query, query.length)).toBe(expected);
  });
});
