// Sends queries to the service and reads all of what it answers, or says what came instead.
import { postForm, ServiceError } from "../../common/service";
import { t } from "../texts";

export interface Question {
  root: string;
  query: string;
  accept: string;
  /** Asks how the query is answered instead of for its answer. */
  isExplain?: boolean;
  signal: AbortSignal;
  /** Is told how many bytes have come so far. */
  onBytes?: (n: number) => void;
}

export interface Received {
  text: string;
  contentType: string;
}

/** The whole answer; throws ServiceError, or the browser's AbortError where `signal` stopped it. */
export async function ask(question: Question): Promise<Received> {
  const { root, query, accept, isExplain, signal } = question;
  const form = new URLSearchParams({ query, ...(isExplain ? { explain: "true" } : {}) });
  const response = await postForm(`${root}sparql`, form, accept, signal);
  const text = await textOf(response, question);
  return { text, contentType: response.headers.get("Content-Type") ?? "" };
}

/** Reads to the end; a connection that is cut before it makes the answer incomplete. */
async function textOf(response: Response, { signal, onBytes }: Question): Promise<string> {
  const decoder = new TextDecoder();
  const parts: string[] = [];
  let n = 0;
  try {
    for await (const bytes of chunksOf(response)) {
      n += bytes.length;
      parts.push(decoder.decode(bytes, { stream: true }));
      onBytes?.(n);
    }
  } catch {
    signal.throwIfAborted();
    throw incomplete(response.status);
  }
  return parts.join("") + decoder.decode();
}

/** Streams cannot be iterated over in every browser. */
async function* chunksOf(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  for (let read = await reader?.read(); read && !read.done; read = await reader?.read()) {
    yield read.value;
  }
}

/** What is said of an answer that broke off. */
export function incomplete(status: number): ServiceError {
  return new ServiceError(t("error.incomplete"), status);
}
