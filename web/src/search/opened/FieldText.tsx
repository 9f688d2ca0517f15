// A value of the metadata: text, or a link where it is a web address.

import type { FieldValue } from "../../common/images";

export function FieldText({ value: { value, language, isIri } }: { value: FieldValue }) {
  // Only these: metadata are not trusted, and a javascript: address would run.
  if ((isIri || !/\s/.test(value)) && /^https?:\/\//i.test(value)) {
    return <a href={value}>{value.replace(/^https?:\/\//i, "")}</a>;
  }
  return <span lang={language}>{value}</span>;
}
