// Requests to the service: what fails becomes a ServiceError with one sentence for the visitor.

import { common } from "./i18n";

/** Why the service gave no answer, in a sentence that can be shown as it is. */
export class ServiceError extends Error {
  override name = "ServiceError";

  constructor(
    /** One sentence, in the visitor's language where it is ours, else the server's own. */
    readonly sentence: string,
    /** HTTP status; null where no answer came at all. */
    readonly status: number | null,
    /** Where the service refuses: what it tells of it. */
    readonly refusal: Refusal | null = null,
  ) {
    super(sentence);
  }
}

export interface Refusal {
  /** The service's own sentence; null where there is none, as in a proxy's HTML. */
  said: string | null;
  /** In one word what has happened, where the status does not tell it; null where it does, or nothing is known. */
  kind: string | null;
  /** Whether it asks to try again soon. */
  isPassing: boolean;
}

/**
 * The answer to a form sent to `url`, once its status is a good one.
 *
 * Fails with a ServiceError, or with the browser's AbortError when `signal` says stop.
 */
export async function postForm(
  url: string,
  form: URLSearchParams,
  accept: string,
  signal?: AbortSignal,
): Promise<Response> {
  const answer = await sent(url, {
    method: "POST",
    headers: { Accept: accept },
    body: form,
    signal: signal ?? null,
  });
  if (!answer.ok) {
    const { status, headers } = answer;
    const said = await ownSentence(answer);
    throw new ServiceError(said ?? common.t("error.failed", { status }), status, {
      said,
      kind: headers.get("Clip-Error"),
      isPassing: headers.has("Retry-After"),
    });
  }
  return answer;
}

/** The JSON of `answer`. */
export async function json(answer: Response, signal?: AbortSignal): Promise<unknown> {
  try {
    return await answer.json();
  } catch {
    signal?.throwIfAborted();
    throw new ServiceError(common.t("error.broken"), answer.status);
  }
}

/** The sentence without the label that some clients look for. */
export function withoutLabel(message: string): string {
  return message.trim().replace(/^MALFORMED QUERY: /, "");
}

/** Whether `error` only says that its request is no longer wanted. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** The sentence to show for anything that was thrown. */
export function sentenceOf(error: unknown): string {
  return error instanceof ServiceError ? error.sentence : common.t("error.broken");
}

async function sent(url: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(url, request);
  } catch (error) {
    if (isAbort(error)) {
      throw error;
    }
    throw new ServiceError(common.t("error.offline"), null);
  }
}

/** The server's own sentence if it is one; a proxy's HTML is not. */
async function ownSentence(answer: Response): Promise<string | null> {
  const type = answer.headers.get("Content-Type") ?? "";
  const text = type.startsWith("text/plain") ? await answer.text().catch(() => "") : "";
  return text.trim() || null;
}
