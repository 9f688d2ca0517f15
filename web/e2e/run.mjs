// Runs the tests of this folder against `clip-search demo`, which it starts in an empty folder and ends. A file that
// fails is run once more, and said to have needed it: a browser on a busy machine is late now and then.
//
//   node e2e/run.mjs [test file …]
//
// CLIP_PROGRAM names the program, ../target/release/clip-search unless set.
import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { createInterface } from "node:readline";

const PROGRAM = process.env.CLIP_PROGRAM ?? "../target/release/clip-search";
/** The first start builds the collection. */
const START_MS = 180_000;

const here = import.meta.dirname;
const named = process.argv.slice(2).map((path) => resolve(path));
const found = (await readdir(here)).filter((name) => name.endsWith(".test.mjs")).sort();
const files = named.length > 0 ? named : found.map((name) => join(here, name));

/** The demo, and where it answers. */
async function startDemo(folder) {
  const demo = spawn(
    resolve(here, "..", PROGRAM),
    ["demo", "--dir", join(folder, "demo"), "--port", "0", "--iiif-port", "0"],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const ended = new Promise((_, reject) => {
    demo.on("error", reject);
    demo.on("exit", (code) => reject(new Error(`the demo ended with ${code} before it answered`)));
  });
  ended.catch(() => {});
  const late = new Promise((_, reject) => {
    setTimeout(reject, START_MS, new Error("the demo did not start")).unref();
  });
  const lines = createInterface({ input: demo.stdout });
  const address = new Promise((done) => {
    lines.on("line", (line) => {
      const url = line.match(/^serving .* at (http:\S+?)\/? until/)?.[1];
      if (url) {
        done(url);
      }
    });
  });
  return { demo, url: await Promise.race([address, ended, late]) };
}

/** Whether the tests in `file` pass on the service at `url`. */
function passes(file, url) {
  const tests = spawn(process.execPath, ["--test", file], {
    stdio: "inherit",
    env: { ...process.env, CLIP_URL: url },
  });
  return new Promise((done) => tests.on("exit", (status) => done(status === 0)));
}

const folder = await mkdtemp(join(tmpdir(), "clip-e2e-"));
let code = 1;
try {
  const { demo, url } = await startDemo(folder);
  const failed = [];
  for (const file of files) {
    if (!(await passes(file, url))) {
      console.error(`${basename(file)} failed; once more:`);
      if (!(await passes(file, url))) {
        failed.push(basename(file));
      }
    }
  }
  if (failed.length > 0) {
    console.error(`failed twice: ${failed.join(", ")}`);
  }
  code = failed.length > 0 ? 1 : 0;
  const stopped = new Promise((done) => demo.on("exit", done));
  demo.kill("SIGTERM");
  await stopped;
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit(code);
