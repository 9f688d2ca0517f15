// Measures how a table of 100,000 rows comes on the screen, and how it is sorted: when it can be used, and for how
// long the page answers nothing meanwhile. Prints figures; nothing is asserted, since machines differ.
//
//   CLIP_URL=http://127.0.0.1:5000 node e2e/measure-table.mjs [rows]
//
// The answer is made here, so that the service's own time is not measured.
import { chromium } from "playwright-core";

const CLIP_URL = new URL(process.env.CLIP_URL ?? "http://127.0.0.1:5000").href;
const N_ROWS = Number(process.argv[2] ?? 100_000);
const ROUNDS = 3;

/** Answers queries with a table of `nRows` rows, in pieces as they come from a network. Runs in the page. */
function answerQueries(nRows) {
  const XSD = "http://www.w3.org/2001/XMLSchema#";
  const row = (n) => ({
    work: { type: "uri", value: `http://collection.example/works/${(n * 7919) % nRows}` },
    title: {
      type: "literal",
      value: `Ansicht Nr. ${(n * 104_729) % nRows}: Zürichsee`,
      "xml:lang": "de",
    },
    score: { type: "literal", value: `${((n * 31) % 1000) / 1000}`, datatype: `${XSD}decimal` },
  });
  const bindings = Array.from({ length: nRows }, (_, n) => row(n));
  const head = { vars: ["work", "title", "score"] };
  const bytes = new TextEncoder().encode(JSON.stringify({ head, results: { bindings } }));
  const PIECE = 65_536;
  const stream = () => {
    let at = 0;
    return new ReadableStream({
      async pull(stream) {
        await new Promise((done) => setTimeout(done));
        if (at < bytes.length) {
          stream.enqueue(bytes.slice(at, at + PIECE));
          at += PIECE;
        } else {
          stream.close();
        }
      },
    });
  };
  const fetched = window.fetch;
  const headers = { "Content-Type": "application/sparql-results+json" };
  window.fetch = (url, ...more) =>
    String(url).endsWith("sparql")
      ? Promise.resolve(new Response(stream(), { headers }))
      : fetched(url, ...more);
  window.tasks = [];
  new PerformanceObserver((list) => {
    window.tasks.push(...list.getEntries().map(({ duration }) => duration));
  }).observe({ entryTypes: ["longtask"] });
}

/** How long `act` takes in `page`, and the tasks above 50 ms that it makes, in milliseconds. */
async function measured(page, act) {
  await page.evaluate(() => {
    window.tasks = [];
    window.startedAt = performance.now();
  });
  await act();
  const milliseconds = await page.evaluate(
    // Two frames, so that what was drawn is on the screen.
    () =>
      new Promise((done) => {
        requestAnimationFrame(() =>
          requestAnimationFrame(() => done(performance.now() - window.startedAt)),
        );
      }),
  );
  const tasks = await page.evaluate(() => window.tasks);
  return { milliseconds, tasks };
}

function told(what, { milliseconds, tasks }) {
  const longest = Math.round(Math.max(0, ...tasks));
  const sum = Math.round(tasks.reduce((a, b) => a + b, 0));
  console.log(
    `${what.padEnd(16)} ${Math.round(milliseconds)} ms, ${tasks.length} tasks above 50 ms, ` +
      `the longest ${longest} ms, all of them ${sum} ms`,
  );
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
console.log(`${N_ROWS} rows`);
for (let round = 1; round <= ROUNDS; round += 1) {
  const page = await browser.newPage({ locale: "en", viewport: { width: 1280, height: 900 } });
  await page.addInitScript(answerQueries, N_ROWS);
  await page.goto(
    `${CLIP_URL}sparql#query=${encodeURIComponent("SELECT * { ?work ?title ?score }")}`,
  );
  await page.locator(".cm-content").waitFor();
  const drawn = await measured(page, async () => {
    await page.locator("button.run").click();
    await page.locator("tbody tr").first().waitFor({ timeout: 60_000 });
  });
  told(`${round}. drawn`, drawn);
  for (const name of ["work", "title", "score"]) {
    const head = page.locator("th", { hasText: name }).getByRole("button");
    if ((await head.count()) > 0) {
      const sorted = await measured(page, async () => {
        await head.click();
        await page.locator("th[aria-sort]", { hasText: name }).waitFor({ timeout: 60_000 });
      });
      told(`   by ${name}`, sorted);
    }
  }
  await page.close();
}
await browser.close();
