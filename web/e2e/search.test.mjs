// The search page: what is asked is found, stands in the address, and can be gone back to.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import {
  accessible,
  answered,
  images,
  onPage,
  opened,
  otherImages,
  searchFor,
  withBrowser,
} from "./support.mjs";

withBrowser();

test("a text finds pictures, best first", () =>
  onPage("./", {}, async (page) => {
    await searchFor(page, "a ship at sea");
    const found = await images(page);
    assert.ok(found.length >= 10, `only ${found.length} pictures`);
    assert.match(found[0], /ship/);
    const scores = (await page.locator(".grid .score").allTextContents()).map((text) =>
      Number(text.match(/\d\.\d+/)[0]),
    );
    assert.deepEqual(
      scores,
      scores.toSorted((a, b) => b - a),
    );
    assert.match(await page.title(), /a ship at sea/);
  }));

test("boxes have their sizes before the pictures are loaded", () =>
  onPage("./", {}, async (page) => {
    await page.route(/\/full\//, () => {});
    await searchFor(page, "a ship at sea");
    const before = await page
      .locator(".grid .frame")
      .evaluateAll((all) => all.map((one) => one.getBoundingClientRect().toJSON()));
    assert.ok(before.every(({ width, height }) => width > 50 && height > 50));
    const right = new Set(
      before.filter((box, at) => before[at + 1]?.y > box.y).map((box) => Math.round(box.right)),
    );
    assert.equal(right.size, 1, "rows end at the same place");
  }));

test("pictures are asked for by their sizes, and titles that come later move nothing", () =>
  onPage("./", {}, async (page) => {
    let tell = () => {};
    const told = new Promise((done) => {
      tell = done;
    });
    await page.route(/\/images$/, async (route) => {
      if (!route.request().postData().includes("fields=none")) {
        await told;
      }
      await route.continue();
    });
    await searchFor(page, "a ship at sea");
    await page
      .locator(".grid img")
      .first()
      .evaluate((picture) => picture.decode());
    const boxes = () =>
      page
        .locator(".grid li")
        .evaluateAll((all) => all.map((one) => JSON.stringify(one.getBoundingClientRect())));
    assert.equal(await page.locator(".caption-title").count(), 0);
    const before = await boxes();
    // Opened now, it waits for what is known.
    const dialog = await opened(page);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    tell();
    await page.locator(".caption-title").first().waitFor();
    await page.locator(".caption-maker").first().waitFor();
    assert.deepEqual(await boxes(), before);
  }));

test("more pictures come with scrolling and by the button, none twice", () =>
  onPage("?q=a+ship+at+sea&min=0", {}, async (page) => {
    await answered(page);
    const first = await images(page);
    await page.getByRole("button", { name: "More pictures" }).focus();
    await page.keyboard.press("Enter");
    const more = await otherImages(page, first);
    assert.deepEqual(more.slice(0, first.length), first);
    await page.mouse.wheel(0, 100_000);
    const all = await otherImages(page, more);
    assert.equal(new Set(all).size, all.length);
  }));

test("what pictures shall not look like changes the answer", () =>
  onPage("?q=a+ship+at+sea", {}, async (page) => {
    await answered(page);
    const before = await images(page);
    await page.getByRole("button", { name: "Not like" }).click();
    await page.getByLabel("What they do not look like").fill("a sunset");
    await page.keyboard.press("Enter");
    await otherImages(page, before);
    assert.match(page.url(), /not=a\+sunset/);
  }));

test("exclusions alone are not searched, and the page says so", () =>
  onPage("./", {}, async (page) => {
    await page.getByRole("button", { name: "Not like" }).click();
    await page.getByLabel("What they do not look like").fill("a sunset");
    await page.keyboard.press("Enter");
    await page
      .getByRole("alert")
      .filter({ hasText: "what they shall not look like is not enough" })
      .waitFor();
    assert.doesNotMatch(page.url(), /not=/);
  }));

test("where nothing is above the minimum, the page says the best score and lowers the minimum", () =>
  onPage("?q=a+ship+at+sea&min=0.99", {}, async (page) => {
    await page.getByText("No picture has a score of 0.99 or more.").waitFor();
    await page.getByRole("button", { name: /^Lower the minimum to 0\.\d+$/ }).click();
    await answered(page);
    assert.ok((await images(page)).length >= 1);
    await page.goBack();
    await page.getByText("No picture has a score of 0.99 or more.").waitFor();
  }));

test("the minimum is dragged by keys, and stands in the address", () =>
  onPage("?q=a+ship+at+sea&min=0.3", {}, async (page) => {
    await answered(page);
    await page.getByLabel("Minimum score").focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.waitForURL(/min=0\.32/);
  }));

test("a search can be shared and gone back to", () =>
  onPage("./", {}, async (page, context) => {
    await searchFor(page, "a castle");
    const castles = await images(page);
    const address = page.url();
    await searchFor(page, "a cat");
    const cats = await otherImages(page, castles);
    await page.goBack();
    assert.deepEqual(await otherImages(page, cats), castles);
    assert.equal(await page.getByRole("searchbox").inputValue(), "a castle");
    const other = await context.newPage();
    await other.goto(address);
    await answered(other);
    assert.deepEqual(await images(other), castles);
  }));

/** The hits, and how far they are read. */
function reading(page) {
  return page.evaluate(() => ({
    scrollY,
    images: [...document.querySelectorAll(".grid a")].map((link) => link.dataset.image),
  }));
}

/** Reads the answer of `page` on to its third part, and gives how far that is. */
async function readFar(page) {
  await answered(page);
  for (const n of [40, 80]) {
    await page.locator(".more").scrollIntoViewIfNeeded();
    await page.waitForFunction((n) => document.querySelectorAll(".grid li").length > n, n);
  }
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight - 2000));
  const { scrollY } = await reading(page);
  assert.ok(scrollY > 1000);
  return scrollY;
}

/** Waits until `page` is read as far as `place`, with as many hits. */
async function readOn(page, place, nImages) {
  await page.waitForFunction(
    ([place, n]) =>
      Math.abs(scrollY - place) < 3 && document.querySelectorAll(".grid li").length >= n,
    [place, nImages],
  );
}

test("who comes back from another page reads on where the answer was left", () =>
  onPage("?q=a+ship+at+sea&min=-1", {}, async (page) => {
    const place = await readFar(page);
    const { images: before } = await reading(page);
    await page.evaluate(() => {
      // As a visitor's click on a link does, with whatever is in view left where it is.
      location.href = "sparql";
    });
    await page.waitForURL(/sparql$/);
    await page.goBack();
    await readOn(page, place, before.length);
    const { images: now } = await reading(page);
    assert.deepEqual(now.slice(0, before.length), before);
    await page.reload();
    await readOn(page, place, before.length);
  }));

test("who comes back from another search reads on, and a new search begins at its top", () =>
  onPage("?q=a+ship+at+sea&min=-1", {}, async (page) => {
    const place = await readFar(page);
    const { images: before } = await reading(page);
    await page
      .locator(".grid a")
      .nth(before.length - 5)
      .focus();
    await page.evaluate((place) => scrollTo(0, place), place);
    // By keys: the picture, its neighbours by look, and back twice.
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("button", { name: "More like this" }).press("Enter");
    await otherImages(page, before);
    assert.equal(await page.evaluate(() => scrollY), 0);
    await page.goBack();
    await dialog.waitFor();
    await readOn(page, place, before.length);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await readOn(page, place, before.length);
    await page.goForward();
    await page.goForward();
    await page.waitForURL((url) => url.searchParams.has("like"));
    await page.waitForFunction(() => scrollY < 3);
  }));

test("who scrolls while the answer comes back is left where that leads", () =>
  onPage("?q=a+ship+at+sea&min=-1", {}, async (page) => {
    await readFar(page);
    await page.waitForTimeout(600);
    let answer = () => {};
    const asked = new Promise((done) => {
      answer = done;
    });
    await page.route(/\/images$/, async (route) => {
      await asked;
      await route.continue();
    });
    await page.reload();
    await page.locator(".found").waitFor();
    await page.mouse.wheel(0, 10);
    answer();
    await answered(page);
    await page.waitForTimeout(500);
    assert.ok((await page.evaluate(() => scrollY)) < 500);
  }));

test("a search is SPARQL that the workbench opens", () =>
  onPage("?q=a+%22big%22+ship", {}, async (page) => {
    await answered(page);
    await page.getByText("As SPARQL").click();
    const shown = await page.locator(".sparql-text pre").textContent();
    assert.match(shown, /clip:queryString "a \\"big\\" ship" ;/);
    const link = await page
      .getByRole("link", { name: "Open in the workbench" })
      .getAttribute("href");
    assert.equal(decodeURIComponent(link.split("#query=")[1]), shown);
  }));

test("an offline service is said in a sentence, and can be tried again", () =>
  onPage("?q=a+ship", {}, async (page) => {
    await answered(page);
    await page.route(/\/sparql$/, (route) => route.abort());
    await page.getByRole("searchbox").fill("a cat");
    await page.keyboard.press("Enter");
    const alert = page.getByRole("alert").filter({ hasText: "cannot be reached" });
    await alert.waitFor();
    await page.unroute(/\/sparql$/);
    await page.getByRole("button", { name: "Try again" }).click();
    await alert.waitFor({ state: "detached" });
    await answered(page);
  }));

test("a refusal of the service is told in the visitor's language, with its own sentence", () =>
  onPage("?url=http://10.0.0.1/x.jpg", { locale: "de", bypassCSP: true }, async (page) => {
    const alert = page.getByRole("alert").filter({ hasText: "10.0.0.1" });
    await alert.filter({ hasText: "konnte unter dieser Adresse kein Bild abrufen" }).waitFor();
    const detail = alert.locator("[lang=en]");
    assert.match(await detail.textContent(), /^10\.0\.0\.1 is not on the public internet/);
    await accessible(page, "a refusal");
    // It speaks the language that the page speaks.
    await page.getByRole("combobox", { name: "Sprache" }).selectOption("fr");
    await alert.filter({ hasText: "n’a pas pu obtenir d’image à cette adresse" }).waitFor();
    // What the pictures shall look like and not look like at once.
    await page.goto(new URL("?q=ship&not=ship", page.url()).href);
    await page.getByRole("alert").filter({ hasText: "il ne reste rien à chercher" }).waitFor();
  }));

for (const [status, headers, sentence] of [
  [503, { "Retry-After": "5" }, "Der Dienst hat gerade zu viel zu tun."],
  [503, {}, "Der Dienst kann zurzeit nicht suchen."],
  [
    500,
    { "Clip-Error": "too-much" },
    "Diese Suche verlangt mehr, als der Dienst auf einmal leistet.",
  ],
  [413, {}, "Ihr Bild ist größer, als der Dienst es annimmt."],
]) {
  test(`a failure with ${status} ${Object.keys(headers)} is told in the visitor's language`, () =>
    onPage("./", { locale: "de" }, async (page) => {
      await page.locator(".grid li").first().waitFor();
      await page.route(/\/sparql$/, (route) =>
        route.fulfill({ status, headers, contentType: "text/plain", body: "what it says\n" }),
      );
      await page.getByRole("searchbox").fill("ein Schiff");
      await page.keyboard.press("Enter");
      const alert = page.getByRole("alert").filter({ hasText: sentence });
      await alert.getByText("what it says").waitFor();
      await page.unroute(/\/sparql$/);
      await alert.getByRole("button", { name: "Erneut versuchen" }).press("Enter");
      await answered(page);
      assert.equal(await alert.count(), 0);
    }));
}

test("a picture of another collection has nothing like it, and the page says so", () =>
  onPage("?like=http://unknown.example/image", {}, async (page) => {
    await page.getByText("is not in this collection").waitFor();
  }));

test("more like this starts from the picture itself", () =>
  onPage("?q=a+ship+at+sea", {}, async (page) => {
    await answered(page);
    const [first] = await images(page);
    const dialog = await opened(page);
    await dialog.getByRole("button", { name: "More like this" }).click();
    await page.waitForURL((url) => url.searchParams.get("like") === first);
    await dialog.waitFor({ state: "detached" });
    await answered(page);
    assert.equal((await images(page))[0], first, "a picture is most like itself");
    await page.getByRole("button", { name: "Remove: like this picture" }).click();
    await page.waitForURL((url) => !url.searchParams.has("like"));
  }));

test("gathered pictures are searched together and saved", () =>
  onPage("?q=a+ship+at+sea", {}, async (page) => {
    await answered(page);
    const [first, second] = await images(page);
    for (const at of [0, 1]) {
      await page.locator(".basket-button").nth(at).click();
    }
    const basket = page.getByRole("region", { name: "Basket" });
    await basket.getByText("2 pictures gathered").waitFor();
    const download = page.waitForEvent("download");
    await basket.getByRole("button", { name: "CSV" }).click();
    const { createReadStream } = await import("node:fs");
    const file = await (await download).path();
    const lines = (await createReadStream(file, "utf8").toArray()).join("").trim().split("\r\n");
    assert.deepEqual(
      lines.slice(1).map((line) => line.split(",")[0]),
      [first, second],
    );
    await basket.getByRole("button", { name: "More like these" }).click();
    await page.waitForURL((url) => url.searchParams.getAll("like").length === 2);
    await answered(page);
    assert.ok((await images(page)).slice(0, 6).includes(first));
  }));

test("a link to a picture that the collection does not have says so, and asks its host for nothing", () => {
  const open = "http://elsewhere.example/iiif/1";
  return onPage(`?q=a+castle&open=${open}`, {}, async (page) => {
    const dialog = page.getByRole("dialog");
    const sentence = dialog.getByRole("alert");
    await sentence.waitFor();
    assert.equal(await sentence.textContent(), `This picture is not in this collection: ${open}`);
    await dialog.getByRole("button", { name: "To the search" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.equal(new URL(page.url()).search, "?q=a+castle");
    await answered(page);
  });
});

test("a minimum that no picture reaches is told, with the step down", () =>
  onPage("?q=a+castle&min=0.9", {}, async (page) => {
    await page.getByText("No picture has a score of 0.90 or more.").waitFor();
    assert.equal(await page.locator(".min-score input").inputValue(), "0.9");
    await page.getByRole("button", { name: /^Lower the minimum to 0\.\d\d$/ }).click();
    await answered(page);
  }));

test("a service whose model has low scores shows its pictures, and its own minimum on the slider", () =>
  onPage("./", {}, async (page) => {
    // As a service would say it whose minimum is above all that its model gives.
    await page.addInitScript(() => {
      const { parse } = JSON;
      JSON.parse = (...given) => {
        const value = parse(...given);
        return value?.defaultMinScore ? { ...value, defaultMinScore: 0.95 } : value;
      };
    });
    await page.reload();
    await page.locator(".grid li").first().waitFor();
    await page.getByRole("searchbox").fill("a castle");
    await page.getByRole("searchbox").press("Enter");
    await page.getByText("No picture has a score of 0.95 or more.").waitFor();
    assert.equal(await page.locator(".min-score input").inputValue(), "0.95");
  }));
