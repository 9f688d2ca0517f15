// A query as a command line that anyone can run.

/** In single quotes a POSIX shell reads everything as it is, but the quote itself. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The request that the page sends, for curl. */
export function curlCommand(endpoint: string, query: string, accept: string): string {
  return [
    `curl ${quoted(endpoint)}`,
    `-H ${quoted(`Accept: ${accept}`)}`,
    `--data-urlencode ${quoted(`query=${query}`)}`,
  ].join(" \\\n  ");
}
