// For everybody: four languages, keys alone, nothing that axe finds in any state or theme.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  accessible,
  answered,
  focused,
  LANGUAGES,
  onPage,
  opened,
  THEMES,
  withBrowser,
} from "./support.mjs";

withBrowser();

const TITLES = {
  en: "What are you looking for?",
  de: "Was suchen Sie?",
  fr: "Que cherchez-vous ?",
  it: "Che cosa cercate?",
};
const PHONE = { width: 390, height: 844 };
const WINDOW = { width: 1280, height: 900 };

test("the language is the browser's, then the chosen one, and nothing else is stored", () =>
  onPage("./", { locale: "fr" }, async (page) => {
    await page.getByRole("heading", { name: TITLES.fr }).waitFor();
    assert.deepEqual(await page.evaluate(() => ({ ...localStorage })), {});
    for (const language of LANGUAGES) {
      await page.locator(".language-switch").selectOption(language);
      await page.getByRole("heading", { name: TITLES[language] }).waitFor();
      assert.equal(await page.locator("html").getAttribute("lang"), language);
    }
    await page.reload();
    await page.getByRole("heading", { name: TITLES.it }).waitFor();
    assert.deepEqual(await page.evaluate(() => ({ ...localStorage })), { language: "it" });
    assert.equal(await page.evaluate(() => document.cookie), "");
  }));

test("keys alone search, open, look on, and come back", () =>
  onPage("./", {}, async (page) => {
    await page.getByRole("searchbox").waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "Skip to the content");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "What the pictures show");
    await page.keyboard.type("a castle");
    await page.keyboard.press("Enter");
    await page.waitForURL(/q=a\+castle/);
    await answered(page);
    for (
      let n = 0;
      n < 80 && !(await page.evaluate(() => document.activeElement.matches(".grid a")));
      n++
    ) {
      await page.keyboard.press("Tab");
    }
    const image = await page.evaluate(() => document.activeElement.dataset.image);
    assert.ok(image);
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog.locator(".region-start").waitFor();
    await page.keyboard.press("ArrowRight");
    await page.waitForURL((url) => ![null, image].includes(url.searchParams.get("open")));
    await page.keyboard.press("ArrowLeft");
    await page.waitForURL((url) => url.searchParams.get("open") === image);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    assert.equal(await page.evaluate(() => document.activeElement.dataset.image), image);
  }));

test("nothing is wider than a phone, also with large text", () =>
  onPage("?q=a+ship+at+sea", { viewport: { width: 320, height: 640 } }, async (page) => {
    await answered(page);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await page.evaluate(() => {
      document.documentElement.style.fontSize = "200%";
    });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  }));

/** What a visitor can see, and how to come there. */
const STATES = {
  start: { path: "./", go: (page) => page.locator(".grid li").first().waitFor() },
  results: { path: "?q=a+ship+at+sea&not=a+sunset", go: filtersShown },
  "nothing found": {
    path: "?q=a+ship&min=0.99",
    go: (page) => page.getByRole("button", { name: /0\.\d+$/ }).waitFor(),
  },
  "an error": {
    path: "?url=http://10.0.0.1/x.jpg",
    go: (page) => page.getByRole("button", { name: "Try again" }).waitFor(),
  },
  "the query": {
    path: "?q=a+ship+at+sea",
    go: async (page) => {
      await answered(page);
      await page.getByText("As SPARQL").click();
    },
  },
  "an opened picture": {
    path: "?q=a+ship+at+sea",
    go: async (page) => {
      await answered(page);
      await opened(page);
    },
  },
  "a picture of elsewhere": {
    path: "?q=a+ship+at+sea&open=http://elsewhere.example/iiif/1",
    go: (page) => page.getByRole("button", { name: "To the search" }).waitFor(),
  },
  "a rectangle": {
    path: "?q=a+ship+at+sea",
    go: async (page) => {
      await answered(page);
      await (await opened(page)).locator(".region-start").click();
    },
  },
  "the basket": {
    path: "?q=a+ship+at+sea",
    go: async (page) => {
      await answered(page);
      await page.locator(".basket-button").first().click();
      await page.getByText("1 picture gathered").waitFor();
    },
  },
};

for (const [state, { path, go }] of Object.entries(STATES)) {
  for (const colorScheme of THEMES) {
    test(`axe finds nothing on ${state}, ${colorScheme}`, async () => {
      for (const viewport of [WINDOW, PHONE]) {
        await onPage(
          path,
          { colorScheme, viewport, bypassCSP: true, reducedMotion: "reduce" },
          async (page) => {
            await go(page);
            await accessible(page, `${state}, ${colorScheme}, ${viewport.width} wide`);
          },
        );
      }
    });
  }
}

async function filtersShown(page) {
  await answered(page);
  const toggle = page.locator(".filters-toggle");
  if (await toggle.isVisible()) {
    await toggle.click();
  }
  await page.locator(".facet label").first().waitFor();
}
