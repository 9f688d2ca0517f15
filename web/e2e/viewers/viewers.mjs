// The three viewers: where each one draws, and how a reader searches in it.
import { until } from "./wait.mjs";

/** Fills in a viewer's search field. */
async function ask(field, text) {
  await field.fill(text);
  await field.press("Enter");
}

const mirador = {
  name: "Mirador",
  id: "mirador",
  picture: "section[aria-label^='Item: '] .openseadragon-canvas",
  async search(page, text) {
    await page.getByRole("tab", { name: "Search" }).click();
    await ask(page.getByRole("combobox", { name: "search terms" }), text);
  },
  /** The titles of the hits that it lists. */
  hits: (page) => page.locator("aside[aria-label='Search'] ul h4").allTextContents(),
  /** It has a button for the next page of hits. */
  async more(page) {
    const button = page.getByRole("button", { name: /^More results/ });
    if (await button.isVisible()) {
      await button.click();
    }
  },
  openLastHit: (page) => page.locator("aside[aria-label='Search'] ul h4").last().click(),
  /** The title of the picture that it shows. */
  async shown(page) {
    const label = await page.locator("section[aria-label^='Item: ']").getAttribute("aria-label");
    return label.replace("Item: ", "");
  },
};

const universalViewer = {
  name: "Universal Viewer",
  id: "universalviewer",
  picture: ".centerPanel .openseadragon-canvas",
  search: (page, text) => ask(page.locator("#searchWithinInput"), text),
  hits: (page) =>
    page
      .locator(".thumb:has(.searchResults)")
      .evaluateAll((thumbs) => thumbs.map((thumb) => thumb.getAttribute("aria-label"))),
  /** Its pager goes from hit to hit; one on the picture that is shown is the first. */
  async openLastHit(page) {
    const next = page.locator(".nextResult");
    const last = page.locator(".thumb:has(.searchResults)").last();
    await until("Universal Viewer's pager comes to the last hit", async () => {
      if ((await last.getAttribute("aria-selected")) === "true") {
        return true;
      }
      await next.click();
      return false;
    });
  },
  shown: (page) => page.locator(".thumb.selected").getAttribute("aria-label"),
};

const clover = {
  name: "Clover",
  id: "clover",
  picture: "[data-testid='clover-iiif-image-openseadragon-viewport'] .openseadragon-canvas",
  async search(page, text) {
    await page.getByRole("tab", { name: "Search" }).click();
    await ask(page.locator("input[name='searchTerms']"), text);
  },
  hits: (page) => page.locator("[data-testid='annotation-page'] header").allTextContents(),
  openLastHit: (page) => page.locator("[data-testid='annotation-page'] button").last().click(),
  shown: (page) =>
    page.locator("[data-testid='media'] [aria-checked='true'] figcaption").textContent(),
};

export const VIEWERS = [mirador, universalViewer, clover];
