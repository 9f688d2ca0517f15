// A failure in the visitor's language, with the service's own sentence.

import type { Question } from "../question";
import { told } from "./words";

export function Told({ error, question }: { error: unknown; question: Question }) {
  const { sentence, detail } = told(error, question);
  return (
    <>
      {sentence}
      {detail && (
        <span class="alert-detail" lang="en">
          {detail}
        </span>
      )}
    </>
  );
}
