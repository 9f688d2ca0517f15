// What visitors are told of a failure: what happened in their language, and what the service itself says of it.

import { common, translator } from "../../common/i18n";
import { ServiceError, sentenceOf, withoutLabel } from "../../common/service";
import type { Question } from "../question";
import de from "./i18n/de.json";
import en from "./i18n/en.json";
import fr from "./i18n/fr.json";
import it from "./i18n/it.json";

export interface Told {
  sentence: string;
  /** In English, as the service says it to everyone; null where it says no more. */
  detail: string | null;
}

/** Loaded with this file, since it is wanted only then. */
const { t } = translator<keyof typeof en>({ en, de, fr, it });

/** What is told of `error`, which came of asking `question`. */
export function told(error: unknown, question: Question): Told {
  if (error instanceof RangeError) {
    // A part of the question that no query can hold.
    return { sentence: t("refused"), detail: error.message };
  }
  if (error instanceof ServiceError && error.refusal) {
    const { said, kind } = error.refusal;
    // There is no more to be said of inputs that cancel each other.
    const detail = said && kind !== "opposed" ? unwrapped(said) : null;
    return { sentence: happened(error, question), detail };
  }
  return { sentence: sentenceOf(error), detail: null };
}

function happened({ status, refusal }: ServiceError, question: Question): string {
  switch (refusal?.kind) {
    case "no-image":
      return t(noImage(question));
    case "opposed":
      return t("opposed");
    case "too-much":
      return t("tooMuch");
  }
  switch (status) {
    case 408:
      return t("slow");
    case 413:
      return t("tooLarge");
    case 429:
      return t("busy");
    case 503:
      return t(refusal?.isPassing ? "busy" : "notReady");
  }
  return status !== null && status >= 500 ? common.t("error.failed", { status }) : t("refused");
}

function noImage({ picture, region }: Question): keyof typeof en {
  if (region && !picture) {
    return "noImage.part";
  }
  return picture && "dataUrl" in picture ? "noImage.file" : "noImage.url";
}

/** Of a picture why it is none; the query, which visitors have not written, is left out. */
function unwrapped(said: string): string {
  return withoutLabel(said).replace(
    /^clip:query(URL|Image) of the clip:Request \S+ gives no image: /,
    "",
  );
}
