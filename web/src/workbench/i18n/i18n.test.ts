import { expect, it } from "vitest";
import de from "./de.json";
import en from "./en.json";
import fr from "./fr.json";
import it_ from "./it.json";

const holes = (message: string) => (message.match(/\{\w+\}/g) ?? []).sort();

it.each([
  ["de", de],
  ["fr", fr],
  ["it", it_],
] as [string, Record<string, string>][])(
  "%s has every message, with the same holes",
  (_, table) => {
    expect(Object.keys(table)).toEqual(Object.keys(en));
    for (const [key, message] of Object.entries(en)) {
      expect(holes(table[key] ?? ""), key).toEqual(holes(message));
    }
  },
);
