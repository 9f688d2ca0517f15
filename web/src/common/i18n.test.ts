import { beforeEach, describe, expect, it } from "vitest";
import de from "../i18n/de.json";
import en from "../i18n/en.json";
import fr from "../i18n/fr.json";
import itMessages from "../i18n/it.json";
import { chooseLanguage, common, language, startLanguage, translator } from "./i18n";

const TABLES = { en, de, fr, it: itMessages };

beforeEach(() => localStorage.clear());

describe("language", () => {
  it("starts as proposed, and with the kept choice later", () => {
    startLanguage("fr");
    expect(language.value).toBe("fr");
    chooseLanguage("it");
    startLanguage("fr");
    expect(language.value).toBe("it");
    expect(document.documentElement.lang).toBe("it");
  });

  it("is English where nothing known is proposed", () => {
    startLanguage("tlh");
    expect(language.value).toBe("en");
  });

  it("stores nothing but a choice", () => {
    startLanguage("de");
    expect(localStorage.length).toBe(0);
  });
});

describe("messages", () => {
  it("have the same keys and holes in every language", () => {
    for (const table of Object.values(TABLES)) {
      expect(Object.keys(table)).toEqual(Object.keys(en));
      for (const [key, message] of Object.entries(table)) {
        expect(holes(message)).toEqual(holes(en[key as keyof typeof en]));
      }
    }
  });

  it("are filled, and choose the form for a number", () => {
    startLanguage("de");
    expect(common.plural("footer.images", 1)).toBe("1 Bild");
    expect(common.plural("footer.images", 1234)).toBe("1.234 Bilder");
    expect(common.t("error.failed", { status: 502 })).toContain("502");
  });

  it("do not fill holes twice", () => {
    const table = { x: "{a} {b}" };
    const { t } = translator({ en: table, de: table, fr: table, it: table });
    expect(t("x", { a: "{b}", b: "1" })).toBe("{b} 1");
  });
});

describe("messages that are loaded", () => {
  it("are there before their language is spoken", async () => {
    const { t } = translator<"x">({
      en: { x: "word" },
      de: { x: "Wort" },
      fr: async () => ({ default: { x: "mot" } }),
      it: () => Promise.reject(new Error("offline")),
    });
    startLanguage("de");
    expect(t("x")).toBe("Wort");
    const spoken = chooseLanguage("fr");
    expect(t("x")).toBe("Wort");
    await spoken;
    expect(t("x")).toBe("mot");
    await expect(chooseLanguage("it")).rejects.toThrow("offline");
    expect(language.value).toBe("fr");
  });
});

function holes(message: string): string[] {
  return (message.match(/\{\w+\}/g) ?? []).sort();
}
