import { describe, expect, it } from "vitest";
import { startLanguage } from "../common/i18n";
import de from "./i18n/de.json";
import en from "./i18n/en.json";
import fr from "./i18n/fr.json";
import itMessages from "./i18n/it.json";
import { plural, t, tOr } from "./messages";

/** Messages that are the same word in two languages. */
const SAME = /^(basket\.(csv|jsonld)|field\.|facet\.|region\.label|score)/;

describe("the messages of the search page", () => {
  it.each(Object.entries({ de, fr, it: itMessages }))("are complete in %s", (_, table) => {
    expect(Object.keys(table)).toEqual(Object.keys(en));
    for (const [key, message] of Object.entries(table)) {
      const english = en[key as keyof typeof en];
      expect(holes(message), key).toEqual(holes(english));
      if (!SAME.test(key)) {
        expect(message, key).not.toBe(english);
      }
    }
  });

  it("are loaded for the language that is spoken", async () => {
    await startLanguage("fr");
    expect(t("search")).toBe("Rechercher");
    expect(plural("found", 1)).toBe("1 image");
    expect(tOr("facet.maker", "maker")).toBe("Auteur");
    expect(tOr("facet.colour", "colour")).toBe("colour");
  });
});

function holes(message: string): string[] {
  return (message.match(/\{\w+\}/g) ?? []).sort();
}
