// Searching with pictures: dropped, pasted, chosen, by URL, and a part of one.
import { strict as assert } from "node:assert";
import { test } from "node:test";
import { answered, images, onPage, opened, withBrowser } from "./support.mjs";

withBrowser();

/** Fetches the best hit's picture in the page and hands it to the page as `kind` of event would. */
async function brought(page, kind) {
  await page.evaluate(async (kind) => {
    const picture = document.querySelector(".grid a img");
    await picture.decode();
    const blob = await (await fetch(picture.src)).blob();
    const data = new DataTransfer();
    data.items.add(new File([blob], "mine.jpg", { type: "image/jpeg" }));
    const event =
      kind === "paste"
        ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })
        : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
    document.body.dispatchEvent(event);
  }, kind);
}

for (const kind of ["drop", "paste"]) {
  test(`a picture by ${kind} finds itself, together with the text`, () =>
    onPage("?q=a+castle", {}, async (page) => {
      await answered(page);
      const [first] = await images(page);
      await brought(page, kind);
      await page.getByText("your picture “mine.jpg”").waitFor();
      await page.getByText("does not stand in this page’s address").waitFor();
      await page.getByRole("searchbox").fill("");
      await page.keyboard.press("Enter");
      await page.waitForURL((url) => !url.searchParams.has("q"));
      await answered(page);
      assert.equal((await images(page))[0], first);
      await page.goBack();
      await page.waitForURL(/q=a\+castle/);
      await page.getByText("your picture “mine.jpg”").waitFor();
    }));
}

test("a picture that is too large for a request is made smaller", () =>
  onPage("./", {}, async (page) => {
    const size = await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(3000, 3000);
      const context = canvas.getContext("2d");
      const noise = context.createImageData(3000, 3000);
      for (let start = 0; start < noise.data.length; start += 65536) {
        crypto.getRandomValues(noise.data.subarray(start, start + 65536));
      }
      context.putImageData(noise, 0, 0);
      const blob = await canvas.convertToBlob({ type: "image/png" });
      const data = new DataTransfer();
      data.items.add(new File([blob], "noise.png", { type: "image/png" }));
      document.body.dispatchEvent(
        new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }),
      );
      return blob.size;
    });
    assert.ok(size > 10_000_000);
    const request = await page.waitForRequest(
      (one) => one.postData()?.includes("queryImage") ?? false,
    );
    assert.ok(request.postData().length < 5_000_000);
    await page.getByText("your picture “noise.png”").waitFor();
    assert.equal((await request.response()).status(), 200);
  }));

test("a file that is no picture is refused in a sentence", () =>
  onPage("./", {}, async (page) => {
    await page.locator("input[type=file]").setInputFiles({
      name: "text.svg",
      mimeType: "image/svg+xml",
      buffer: Buffer.from("no picture"),
    });
    await page
      .getByRole("alert")
      .filter({ hasText: "“text.svg” cannot be read as a picture." })
      .waitFor();
  }));

test("a picture's URL is asked for by the service", () =>
  onPage("./", {}, async (page) => {
    await page.getByRole("button", { name: "Picture by URL" }).click();
    const field = page.getByLabel("URL of a picture");
    await field.fill("not a url");
    await field.press("Enter");
    await page.getByRole("alert").filter({ hasText: "not the URL of a picture" }).waitFor();
    await field.fill("https://unknown.invalid/x.jpg");
    await field.press("Enter");
    await page.waitForURL((url) => url.searchParams.get("url") === "https://unknown.invalid/x.jpg");
    await page.getByRole("alert").filter({ hasText: "unknown.invalid" }).waitFor();
  }));

test("a URL in the box that looks like a picture is one", () =>
  onPage("./", {}, async (page) => {
    await page.getByRole("searchbox").fill("https://unknown.invalid/x.jpg");
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.searchParams.get("url") === "https://unknown.invalid/x.jpg");
  }));

test("a rectangle by pointer is searched for, and can be shared", () =>
  onPage("?q=a+ship+at+sea", {}, async (page) => {
    await answered(page);
    const [first] = await images(page);
    const dialog = await opened(page);
    await dialog.locator(".region-start").click();
    const layer = await dialog.locator(".region-layer").boundingBox();
    const middle = { x: layer.x + layer.width / 2, y: layer.y + layer.height / 2 };
    await page.mouse.move(middle.x - 100, middle.y - 80);
    await page.mouse.down();
    await page.mouse.move(middle.x + 60, middle.y + 90, { steps: 4 });
    await page.mouse.up();
    const frame = await dialog.locator(".region-frame").boundingBox();
    assert.ok(
      Math.abs(frame.width - 160) < 8 && Math.abs(frame.height - 170) < 8,
      JSON.stringify(frame),
    );
    await dialog.getByRole("button", { name: "Search for this part" }).click();
    await regionSearched(page, first);
    await page.reload();
    await regionSearched(page, first);
  }));

test("a rectangle by keys is moved, resized, searched for", () =>
  onPage("?q=a+ship+at+sea", {}, async (page) => {
    await answered(page);
    const [first] = await images(page);
    const dialog = await opened(page);
    await dialog.locator(".region-start").focus();
    await page.keyboard.press("Enter");
    const frame = dialog.locator(".region-frame");
    const before = await frame.boundingBox();
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("Shift+ArrowDown");
    const after = await frame.boundingBox();
    assert.ok(after.x < before.x && Math.abs(after.width - before.width) < 2);
    assert.ok(after.height > before.height);
    await page.keyboard.press("Enter");
    await regionSearched(page, first);
  }));

test("Escape ends the rectangle first, then the picture, and the focus returns", () =>
  onPage("?q=a+ship+at+sea", {}, async (page) => {
    await answered(page);
    const found = await images(page);
    const dialog = await opened(page, 1);
    await dialog.locator(".region-start").click();
    await page.keyboard.press("Escape");
    await dialog.locator(".region-frame").waitFor({ state: "detached" });
    await page.keyboard.press("ArrowRight");
    await page.waitForURL((url) => url.searchParams.get("open") === found[2]);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await page.waitForURL((url) => !url.searchParams.has("open"));
    assert.equal(await page.evaluate(() => document.activeElement.dataset.image), found[2]);
  }));

test("a picture whose service does not answer is shown as it is, and searched in all the same", () =>
  onPage("?q=a+ship+at+sea", {}, async (page) => {
    await page.route(/info\.json$/, (route) => route.fulfill({ status: 500 }));
    await answered(page);
    const [first] = await images(page);
    const dialog = await opened(page);
    await dialog.locator("img.plain-picture").waitFor();
    assert.equal(await dialog.getByRole("button", { name: "Zoom in" }).count(), 0);
    await dialog.locator(".region-start").click();
    await page.keyboard.press("Enter");
    await page.waitForURL((url) => url.searchParams.get("region")?.startsWith(first) ?? false);
  }));

test("OpenSeadragon is loaded only with a picture", () =>
  onPage("./", {}, async (page) => {
    const scripts = [];
    page.on("response", async (response) => {
      if (response.url().endsWith(".js")) {
        // The body of a script is gone once its page is left.
        const text = await response.text().catch(() => "");
        scripts.push(text.includes("openseadragon-canvas"));
      }
    });
    await page.reload();
    await page.locator(".grid li").first().waitFor();
    assert.ok(scripts.length > 0 && !scripts.includes(true));
    await opened(page);
    assert.ok(scripts.includes(true));
  }));

test("an opened picture can be shared", () =>
  onPage("?q=a+ship+at+sea", {}, async (page, context) => {
    await answered(page);
    await opened(page);
    const other = await context.newPage();
    await other.goto(page.url());
    await other.getByRole("dialog").locator(".region-start").waitFor();
    await other.keyboard.press("Escape");
    await other.waitForURL((url) => !url.searchParams.has("open"));
  }));

/** The search for a part of `image` is shown. Whether the service may fetch it is up to its settings. */
async function regionSearched(page, image) {
  await page.waitForURL(
    (url) => url.searchParams.get("region")?.startsWith(`${image}#xywh=`) ?? false,
  );
  await page.getByText("part of a picture").waitFor();
  await page.locator(".grid[aria-busy=false] li").first().waitFor();
}
