// A viewer opened in a browser, with everything that it asks for and that goes wrong.

const SIZE = { width: 1280, height: 800 };

/** Opens `manifest` in the viewer at `url`. */
export async function visit(browser, url, manifest) {
  const page = await browser.newPage({ viewport: SIZE, locale: "en" });
  const requests = [];
  const failures = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => failures.push(String(error)));
  page.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText;
    // A viewer may leave a picture for another one before it has come.
    if (reason !== "net::ERR_ABORTED") {
      failures.push(`${request.url()}: ${reason}`);
    }
  });
  page.on("response", (response) => {
    const isViewers = new URL(response.url()).origin === new URL(url).origin;
    if (response.status() >= 400 && !isViewers) {
      failures.push(`${response.url()}: status ${response.status()}`);
    }
  });
  await page.goto(`${url}?manifest=${encodeURIComponent(manifest)}`);
  return { page, requests, failures };
}

/** The requests that left this machine. */
export function abroad(requests) {
  return requests.filter((url) => {
    const { protocol, hostname } = new URL(url);
    return protocol.startsWith("http") && hostname !== "127.0.0.1";
  });
}
