// Why a search has no answer. The words for it are loaded when they are wanted.

import { Alert } from "../common/Alert";
import { sentenceOf } from "../common/service";
import { useLazy } from "./lazy";
import type { Session } from "./session";

export function Failure({ session }: { session: Session }) {
  const error = session.hits.error.value;
  const hasFailed = error !== null;
  const { component: Told, isMissing } = useLazy(
    () => import("./failure/Told").then((it) => it.Told),
    hasFailed,
  );
  const told = Told && <Told error={error} question={session.question.value} />;
  // Where nothing can be loaded, the service is offline.
  const sentence = told ?? (isMissing ? sentenceOf(error) : null);
  return <Alert sentence={hasFailed ? sentence : null} onRetry={() => void session.retry()} />;
}
