// The SPARQL client of the pages: SELECT over POST, with typed results.

import { common } from "./i18n";
import { json, postForm, ServiceError } from "./service";
import type { Term } from "./term";

const RESULTS = "application/sparql-results+json";

/** One solution; a name without a value is unbound. */
export type Row<Name extends string = string> = Partial<Record<Name, Term>>;

export interface Solutions<Name extends string = string> {
  names: Name[];
  rows: Row<Name>[];
}

/**
 * The solutions of a SELECT query.
 *
 * Fails with a ServiceError, or with an AbortError when `signal` says stop.
 */
export async function select<Name extends string = string>(
  root: string,
  query: string,
  signal?: AbortSignal,
): Promise<Solutions<Name>> {
  const answer = await postForm(`${root}sparql`, new URLSearchParams({ query }), RESULTS, signal);
  return solutions(await json(answer, signal)) as Solutions<Name>;
}

function solutions(body: unknown): Solutions {
  const { head, results } = (body ?? {}) as {
    head?: { vars?: unknown };
    results?: { bindings?: unknown };
  };
  if (!Array.isArray(head?.vars) || !Array.isArray(results?.bindings)) {
    throw new ServiceError(common.t("error.broken"), null);
  }
  return { names: head.vars, rows: results.bindings };
}
