// The basket as files: a table, and linked data.

import type { FieldValue } from "../../common/images";
import type { Gathered } from "./basket";

/** A row for each picture, a column for each field; several values of a field are divided by " | ". */
export function csv(pictures: Gathered[]): string {
  const fields = [...new Set(pictures.flatMap(({ record }) => Object.keys(record?.fields ?? {})))];
  const header = ["image", "id", "link", "width", "height", ...fields];
  const rows = pictures.map(({ image, record }) => [
    image,
    record?.id ?? "",
    record?.link ?? "",
    String(record?.width ?? ""),
    String(record?.height ?? ""),
    ...fields.map((field) => valuesText(record?.fields?.[field] ?? [])),
  ]);
  return [header, ...rows]
    .map((row) => row.map(cell).join(","))
    .join("\r\n")
    .concat("\r\n");
}

/** The pictures as a JSON-LD graph; its context stands in the file, so that nothing is fetched to read it. */
export function jsonLd(pictures: Gathered[]): string {
  const graph = pictures.map(({ image, record }) => ({
    "@id": image,
    "@type": "schema:ImageObject",
    ...(record && {
      identifier: record.id,
      link: { "@id": record.link },
      ...(record.width && { width: record.width, height: record.height }),
      ...Object.fromEntries(
        Object.entries(record.fields ?? {}).map(([field, values]) => [
          field,
          values.map(jsonLdValue),
        ]),
      ),
    }),
  }));
  return `${JSON.stringify({ "@context": CONTEXT, "@graph": graph }, null, 2)}\n`;
}

const CONTEXT = {
  "@vocab": "https://schema.org/",
  schema: "https://schema.org/",
  dcterms: "http://purl.org/dc/terms/",
  link: "schema:contentUrl",
  title: "dcterms:title",
  maker: "dcterms:creator",
  date: "dcterms:date",
  place: "dcterms:spatial",
  institution: "dcterms:provenance",
  rights: "dcterms:rights",
  description: "dcterms:description",
  technique: "dcterms:medium",
  object: "dcterms:isFormatOf",
  manifest: "dcterms:isReferencedBy",
};

function jsonLdValue({ value, language, isIri }: FieldValue) {
  if (isIri) {
    return { "@id": value };
  }
  return language ? { "@value": value, "@language": language } : value;
}

function valuesText(values: FieldValue[]): string {
  return values.map(({ value }) => value).join(" | ");
}

/** What a table program would take for a formula is marked as text. */
function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
