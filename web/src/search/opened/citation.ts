// An image as it is cited in a text.

import type { ImageRecord } from "../../common/images";
import { fieldText, fieldValues } from "../hit";

/** Maker, title, date, institution, and the URL of the object, else of the image. */
export function citation(
  image: string,
  record: ImageRecord | null,
  untitled: string,
  language: string,
): string {
  const text = (field: string) => fieldText(record, field, language);
  const [object] = fieldValues(record, "object", language);
  const work = [text("title") || untitled, text("date"), text("institution")]
    .filter((part) => part !== "")
    .join(", ");
  const maker = text("maker");
  return `${maker ? `${maker}: ` : ""}${work}. ${object?.value ?? image}`;
}
