// A server for working on the pages: `npm run dev -- http://127.0.0.1:5000 [port]` serves the shell with what
// lies in dist/ and passes everything else on to a running service. SETTINGS names a JSON file of settings.
import { readFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { extname, join } from "node:path";

const [service = "http://127.0.0.1:5000", port = "0"] = process.argv.slice(2);
const TYPES = { ".js": "text/javascript", ".css": "text/css", ".txt": "text/plain" };
/** As strict as the service's own, so that what it forbids is seen here. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob: http://127.0.0.1:*",
  "connect-src 'self' http://127.0.0.1:*",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'self'",
].join("; ");

const server = createServer((asked, answer) => {
  answered(asked, answer).catch((error) => answer.writeHead(500).end(String(error)));
});
server.listen(Number(port), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});

async function answered(asked, answer) {
  const { pathname } = new URL(asked.url, "http://localhost");
  const isPage = asked.headers.accept?.includes("text/html");
  if (pathname === "/" || (pathname === "/sparql" && isPage)) {
    const html = await shell(pathname === "/" ? "search" : "workbench", asked.headers);
    answer.writeHead(200, { "Content-Type": "text/html", "Content-Security-Policy": POLICY });
    answer.end(html);
  } else if (pathname.startsWith("/assets/")) {
    const bytes = await readFile(join("dist", pathname.slice("/assets/".length)));
    answer.writeHead(200, { "Content-Type": TYPES[extname(pathname)] ?? "text/plain" });
    answer.end(bytes);
  } else {
    passOn(asked, answer);
  }
}

async function shell(page, headers) {
  const { js, css } = JSON.parse(await readFile("dist/manifest.json", "utf8"))[page];
  const given = process.env.SETTINGS
    ? JSON.parse(await readFile(process.env.SETTINGS, "utf8"))
    : {};
  const language = headers["accept-language"]?.slice(0, 2) ?? "en";
  const settings = { endpoint: `http://${headers.host}/sparql`, language, ...given };
  const json = JSON.stringify(settings).replaceAll("<", "\\u003c");
  return `<!DOCTYPE html><html lang="${language.replace(/\W/g, "")}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>IIIF CLIP Search</title>
${css ? `<link rel="stylesheet" href="assets/${css}">` : ""}<script type="module" src="assets/${js}"></script></head>
<body><div id="app"></div><script type="application/json" id="settings">${json}</script></body></html>`;
}

function passOn(asked, answer) {
  const { method, headers, url } = asked;
  const passed = request(new URL(url, service), { method, headers }, (got) => {
    answer.writeHead(got.statusCode, got.headers);
    got.pipe(answer);
  });
  passed.on("error", () => answer.writeHead(502).end());
  answer.on("close", () => passed.destroy());
  asked.pipe(passed);
}
