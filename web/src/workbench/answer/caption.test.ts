import { expect, it } from "vitest";
import type { Term } from "../../common/term";
import { captionOf } from "./caption";

const text = (value: string): Term => ({ type: "literal", value });
const score: Term = {
  type: "literal",
  value: "0.31",
  datatype: "http://www.w3.org/2001/XMLSchema#float",
};
const year: Term = {
  type: "literal",
  value: "1848",
  datatype: "http://www.w3.org/2001/XMLSchema#integer",
};

it("names score, title and the rest", () => {
  const row = { artist: text("Riva"), score, title: text("A ship"), year };
  expect(captionOf(row, ["artist", "score", "title", "year"])).toEqual({
    score: 0.31,
    title: text("A ship"),
    more: [text("Riva"), year],
  });
});

it("takes the first words where nothing is called a title", () => {
  const row = { year, what: text("A lake"), image: { type: "uri", value: "http://a" } } as const;
  expect(captionOf(row, ["year", "what", "image"])).toEqual({
    score: null,
    title: text("A lake"),
    more: [year],
  });
});

it("may find nothing to say", () => {
  expect(captionOf({}, ["a"])).toEqual({ score: null, title: null, more: [] });
});
