import { expect, it } from "vitest";
import { dateText } from "./dates";

it.each([
  ["1899-01-01T00:00:00", "en", "January 1, 1899"],
  ["1899-01-01T00:00:00Z", "de", "1. Januar 1899"],
  ["1899-03-15", "fr", "15 mars 1899"],
  ["1899-03-15+01:00", "it", "15 marzo 1899"],
  ["1899-03", "de", "März 1899"],
  ["0050-03-15", "de", "15. März 50"],
  ["1899-03-15T14:05:00.5+01:00", "de", "15. März 1899 um 14:05"],
  ["1899-03-15/1901-04-16", "de", "15. März 1899 – 16. April 1901"],
  ["1899-03-15–1901", "de", "15. März 1899 – 1901"],
])("%s in %s", (value, language, expected) => {
  expect(dateText(value, language)).toBe(expected);
});

it.each([
  "1899",
  "1850–1852",
  "-44",
  "-0044-03-15",
  "0000-01-01",
  "ca. 1450",
  "1899-13-01",
  "1899-02-30",
  "1899-00",
  "15.03.1899",
  "1899-03-15/unknown",
  "1899-03-15/1899-03-16/1899-03-17",
  "",
])("%j stays as it is", (value) => {
  expect(dateText(value, "de")).toBeNull();
});
