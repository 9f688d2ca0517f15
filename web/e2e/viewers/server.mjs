// Serves one page a viewer, and the viewers' packages, on a free port of this machine.
import { access, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { build } from "esbuild";

const HERE = import.meta.dirname;
const TYPES = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".json": "application/json",
  ".svg": "image/svg+xml",
};

/** The file of a path, which a normalised absolute path cannot lead out of its folder. */
function fileOf(path) {
  const inside = normalize(decodeURIComponent(path));
  return inside.startsWith("/modules/")
    ? join(HERE, "node_modules", inside.slice("/modules/".length))
    : join(HERE, "pages", inside);
}

/** Clover for a browser: its package has only the sources of a React component that work. */
async function bundleClover() {
  const { outputFiles } = await build({
    entryPoints: [join(HERE, "pages", "clover.mjs")],
    bundle: true,
    write: false,
    format: "esm",
    define: { "process.env.NODE_ENV": '"production"' },
    logLevel: "error",
  });
  return outputFiles[0].contents;
}

/** Starts the server; its `url` has no slash at the end. */
export async function serveViewers() {
  const packages = join(HERE, "node_modules");
  await access(packages).catch(() => {
    throw new Error(`the viewers are not installed: run \`node ${join(HERE, "install.mjs")}\``);
  });
  const clover = await bundleClover();
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://127.0.0.1");
    try {
      const body = pathname === "/clover.js" ? clover : await readFile(fileOf(pathname));
      response.setHeader("content-type", TYPES[extname(pathname)] ?? "application/octet-stream");
      response.end(body);
    } catch {
      response.writeHead(404).end(`there is no ${pathname}`);
    }
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    },
  };
}
