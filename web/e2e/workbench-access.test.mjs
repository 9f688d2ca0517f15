// The workbench for everybody: keys alone, four languages, nothing that axe finds.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { accessible, focused, pressTo, THEMES, withBrowser } from "./support.mjs";
import { onWorkbench, outcome, QUERIES, replaceText, run, tab } from "./workbench-support.mjs";

withBrowser();

test("all of it works by keyboard", () =>
  onWorkbench({}, async (page) => {
    const press = async (...keys) => {
      for (const key of keys) {
        await page.keyboard.press(key);
      }
    };
    const tabTo = async (name) => {
      for (let n = 0; n < 25 && !(await focused(page)).startsWith(name); n += 1) {
        await press("Tab");
      }
      assert.ok((await focused(page)).startsWith(name), name);
    };
    await tabTo("Examples");
    await press("Enter", "Tab", "Enter");
    assert.ok((await focused(page)).startsWith("Examples"), "the menu gives the focus back");
    await page.locator(".cm-content").focus();
    await press("Control+A");
    await page.keyboard.insertText(QUERIES.pictures);
    await press("Control+Enter");
    await outcome(page);
    // The first Escape closes what completes the query, where that has come.
    await press("Escape", "Escape", "Tab");
    assert.equal(await focused(page), "Run", "Escape, then Tab leaves the editor");
    await tabTo("Table");
    await press("ArrowRight");
    assert.equal(await focused(page), "Gallery");
    await page.locator(".gallery").waitFor();
    await press("End");
    await page.locator(".view-text").waitFor();
    await press("Shift+Tab");
    await tabTo("Download");
    await press("Enter", "Tab");
    assert.equal(await focused(page), "JSON");
    await pressTo(page, "Escape", "Download");
  }));

for (const colorScheme of THEMES) {
  for (const viewport of [
    { width: 1280, height: 900 },
    { width: 360, height: 740 },
  ]) {
    test(`axe finds nothing: ${colorScheme}, ${viewport.width} pixels`, () => {
      const options = { colorScheme, viewport, bypassCSP: true, query: QUERIES.pictures };
      return onWorkbench(options, async (page) => {
        await accessible(page, "at first");
        await page.getByRole("button", { name: "Examples" }).click();
        await accessible(page, "examples");
        await page.keyboard.press("Escape");
        await run(page);
        await page.locator("tbody .thumbnail").first().waitFor();
        for (const view of ["table", "gallery", "chart", "text"]) {
          if (await tab(page, view).count()) {
            await tab(page, view).click();
            await accessible(page, view);
          }
        }
        await tab(page, "table").click();
        await page.locator("thead").getByRole("button", { name: "score" }).click();
        await page.locator("[aria-sort]").waitFor();
        await accessible(page, "sorted");
        await page.getByRole("button", { name: "Explain" }).click();
        await page.locator(".plan").waitFor();
        await accessible(page, "plan");
        await replaceText(page, QUERIES.counts);
        await run(page);
        await tab(page, "chart").click();
        await accessible(page, "chart");
        await page.getByRole("button", { name: "Download" }).click();
        await accessible(page, "downloads");
        await replaceText(page, "SELECT ?x { ?x clip:");
        await page.keyboard.press("Control+Space");
        await page.locator(".cm-tooltip-autocomplete").waitFor();
        await accessible(page, "completion");
        await page.keyboard.press("Escape");
        await run(page);
        await accessible(page, "error");
        assert.ok(await page.evaluate(() => document.body.scrollWidth <= window.innerWidth));
      });
    });
  }
}

const WORDS = { en: "Run", de: "Ausführen", fr: "Exécuter", it: "Esegui" };
for (const [language, word] of Object.entries(WORDS)) {
  test(`the page speaks ${language}, and others when they are chosen`, () =>
    onWorkbench({ locale: language, query: QUERIES.pictures }, async (page) => {
      assert.equal(await page.locator("html").getAttribute("lang"), language);
      await run(page);
      await page.locator("button.run", { hasText: word }).waitFor();
      const other = language === "it" ? "fr" : "it";
      await page.locator(".language-switch").selectOption(other);
      await page.locator("button.run", { hasText: WORDS[other] }).waitFor();
      const label = await page.locator(".cm-content").getAttribute("aria-label");
      assert.ok(label.startsWith(other === "it" ? "Interrogazione" : "Requête"), label);
    }));
}
