// A value of the metadata: text, or a link where it is a web address.

import { language as spoken } from "../../common/i18n";
import type { FieldValue } from "../../common/images";
import { shownText } from "../hit";

interface Props {
  field: string;
  value: FieldValue;
}

export function FieldText({ field, value: { value, language, isIri } }: Props) {
  // Only these: metadata are not trusted, and a javascript: address would run.
  if ((isIri || !/\s/.test(value)) && /^https?:\/\//i.test(value)) {
    return <a href={value}>{value.replace(/^https?:\/\//i, "")}</a>;
  }
  const text = shownText(value, field, spoken.value);
  return text === value ? (
    <span lang={language} dir="auto">
      {value}
    </span>
  ) : (
    <time title={value}>{text}</time>
  );
}
