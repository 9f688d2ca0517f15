// A hit as the page shows it, and what of its metadata stands beside the picture.

import { dateText } from "../common/dates";
import type { FieldValue, ImageRecord } from "../common/images";
import { inLanguage } from "../common/language";
import { boxRatio } from "./layout";

export interface Hit {
  /** IIIF URL. */
  image: string;
  score: number;
  /** Null while nothing is known, or for good. */
  record: ImageRecord | null;
  /** Shape of its box, fixed when it is first shown: nothing moves when more becomes known. */
  ratio: number;
}

export function newHit(image: string, score: number, record: ImageRecord | null): Hit {
  return { image, score, record, ratio: boxRatio(record?.width, record?.height) };
}

/**
 * `hit` with all that is known about its image, null where that cannot be told.
 *
 * Whoever holds the record already, as the basket does, has it whole then; a new one besides is seen to be new.
 */
export function described(hit: Hit, known: ImageRecord | null): Hit {
  const { record } = hit;
  if (!record) {
    return { ...hit, record: known };
  }
  Object.assign(record, { fields: known?.fields ?? record.fields ?? {} });
  return { ...hit, record: { ...record } };
}

/** The values of `field` that the visitor reads best. */
export function fieldValues(
  record: ImageRecord | null,
  field: string,
  language: string,
): FieldValue[] {
  return inLanguage(record?.fields?.[field] ?? [], language);
}

/** The same as text; "" where nothing is known. */
export function fieldText(record: ImageRecord | null, field: string, language: string): string {
  return fieldValues(record, field, language)
    .map(({ value }) => shownText(value, field, language))
    .join(", ");
}

/** The language of that text; undefined where none is named, or several are. */
export function fieldLanguage(
  record: ImageRecord | null,
  field: string,
  language: string,
): string | undefined {
  const languages = new Set(fieldValues(record, field, language).map((value) => value.language));
  return languages.size === 1 ? [...languages][0] : undefined;
}

/** A value as it is shown: dates as the visitor's language writes them. */
export function shownText(value: string, field: string, language: string): string {
  return (field === "date" ? dateText(value, language) : null) ?? value;
}

/** What a picture is called where it cannot be seen: title, maker, date; "" if nothing is known. */
export function description(record: ImageRecord | null, language: string): string {
  return ["title", "maker", "date"]
    .map((field) => fieldText(record, field, language))
    .filter((text) => text !== "")
    .join(", ");
}

/**
 * Whether `image` lies where images of the collection lie, so that it may be asked for.
 *
 * An address can name any image; no request shall leave for a host that the collection does not name.
 */
export function isAtHome(image: string, hits: Hit[]): boolean {
  const { origin } = new URL(image);
  return hits.some((hit) => URL.canParse(hit.image) && new URL(hit.image).origin === origin);
}
