// The values of one field on one line, in their own language and direction.

import { language } from "../common/i18n";
import type { ImageRecord } from "../common/images";
import { fieldLanguage, fieldText } from "./hit";

interface Props {
  record: ImageRecord | null;
  field: string;
  class?: string;
}

/** Nothing where nothing is known. */
export function FieldLine({ record, field, class: className }: Props) {
  const spoken = language.value;
  const text = fieldText(record, field, spoken);
  return text === "" ? null : (
    <span class={className} lang={fieldLanguage(record, field, spoken)} dir="auto">
      {text}
    </span>
  );
}
