// Facets: what they count is what they find.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { answered, onPage, withBrowser } from "./support.mjs";

withBrowser();

/** The number in "37 pictures". */
async function total(page) {
  const line = page.locator(".found-line").filter({ hasText: /^\d[\d,]* pictures?$/ });
  await line.waitFor();
  return Number((await line.textContent()).replace(/\D/g, ""));
}

function values(page, facet) {
  return page.getByRole("group", { name: facet }).locator("label");
}

async function count(value) {
  return Number((await value.locator(".facet-count").textContent()).replace(/\D/g, ""));
}

test("a chosen value finds as many pictures as it counted, several of one facet are added", () =>
  onPage("?q=a+ship+at+sea&min=0.2", {}, async (page) => {
    await answered(page);
    const makers = values(page, "Maker");
    await makers.first().waitFor();
    const first = await count(makers.nth(0));
    const second = await count(makers.nth(1));
    await makers.nth(0).click();
    await page.waitForURL(/maker=/);
    await page.waitForFunction(
      (n) => document.querySelector(".found-line").textContent.startsWith(`${n} `),
      first,
    );
    assert.equal(await count(makers.nth(1)), second, "its own choice does not count");
    await makers.nth(1).click();
    await page.waitForFunction(
      (n) => document.querySelector(".found-line").textContent.startsWith(`${n} `),
      first + second,
    );
    await page.reload();
    assert.equal(await total(page), first + second);
    assert.equal(await makers.locator("input:checked").count(), 2);
    await page.getByRole("button", { name: "Clear all filters" }).click();
    await page.waitForURL((url) => !url.searchParams.has("maker"));
  }));

test("two facets restrict each other", () =>
  onPage("?q=a+ship+at+sea&min=0.2", {}, async (page) => {
    await answered(page);
    const places = values(page, "Place");
    await places.first().waitFor();
    const before = await count(places.nth(0));
    await values(page, "Technique").nth(0).click();
    await page.waitForURL(/technique=/);
    await page.waitForFunction(
      (n) =>
        document.querySelector(".filters fieldset:last-of-type .facet-count")?.textContent !==
        String(n),
      before,
    );
    const shared = await count(places.nth(0));
    assert.ok(shared < before);
    await places.nth(0).click();
    await page.waitForFunction(
      (n) => document.querySelector(".found-line").textContent.startsWith(`${n} `),
      shared,
    );
  }));

test("values have the visitor's language", () =>
  onPage("?q=a+ship+at+sea&min=0.2", { locale: "de" }, async (page) => {
    await answered(page);
    const german = values(page, "Technik");
    await german.first().waitFor();
    const names = await german.locator("span:first-of-type").allTextContents();
    await page.getByLabel("Sprache").selectOption("it");
    await page.waitForFunction(
      (old) => document.querySelector(".filters")?.textContent.includes(old) === false,
      names[0],
    );
    const italian = await values(page, "Tecnica").locator("span:first-of-type").allTextContents();
    assert.equal(italian.length, names.length);
    assert.notDeepEqual(italian, names);
  }));

test("years are chosen by keys", () =>
  onPage("?q=a+ship+at+sea&min=0.2", {}, async (page) => {
    await answered(page);
    const before = await total(page);
    const from = page.getByLabel("From year");
    const first = Number(await from.inputValue());
    await from.focus();
    for (let n = 0; n < 40; n++) {
      await page.keyboard.press("ArrowRight");
    }
    await page.waitForURL(
      (url) => url.searchParams.get("period")?.startsWith(`${first + 40}..`) ?? false,
    );
    await page.waitForFunction((n) => {
      const text = document.querySelector(".found-line").textContent;
      return /^\d/.test(text) && !text.startsWith(`${n} `);
    }, before);
    assert.ok((await total(page)) < before);
    await page.getByRole("button", { name: "All years" }).click();
    await page.waitForURL((url) => !url.searchParams.has("period"));
  }));
