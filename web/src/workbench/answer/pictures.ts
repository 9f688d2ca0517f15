// Which columns of a table hold pictures, and the addresses of small ones.
import { isRequest, resized, thumbnailUrl } from "../../common/iiif";
import type { ImageRecord } from "../../common/images";
import type { TableAnswer } from "./answer";
import { type Column, isWeb } from "./columns";

export type KnownImages = ReadonlyMap<string, ImageRecord>;

const FILE = /\.(?:jpe?g|png|gif|webp|avif|svg)(?:\?[^#]*)?$/i;

/** Whether an IRI says by itself that a picture is there. */
export function isPictureIri(iri: string): boolean {
  return isWeb(iri) && (isRequest(iri) || FILE.test(iri));
}

/** The first IRIs of each column, to ask the service about. */
export function sampledIris(columns: readonly Column[]): string[] {
  return [...new Set(columns.flatMap(({ iris }) => iris))];
}

/** The columns in which IRIs of pictures were found, the one with the most of them first. */
export function pictureColumns(
  { columns }: { columns: readonly Column[] },
  known: { has: (iri: string) => boolean },
): string[] {
  const isPicture = (iri: string) => known.has(iri) || isPictureIri(iri);
  return columns
    .map(({ name, iris }) => ({ name, n: iris.filter(isPicture).length }))
    .filter(({ n }) => n > 0)
    .sort((a, b) => b.n - a.n)
    .map(({ name }) => name);
}

/**
 * Addresses of a small picture, about `width` pixels wide, in the order in which to try them; none for an IRI
 * that is no picture. One that ends like a file may be that of a IIIF service all the same.
 */
export function smallPictureUrls(
  iri: string,
  width: number,
  known: ImageRecord | undefined,
): string[] {
  const service = thumbnailUrl(iri, width, known?.width);
  if (known) {
    // Nobody described a service: it may be a file, which comes as it is.
    return known.measured === "delivered" ? [known.link] : [service];
  }
  if (isRequest(iri)) {
    return [resized(iri, `${width},`), iri];
  }
  return isPictureIri(iri) ? [iri, service] : [];
}

/** The distinct IRIs of a column, up to `most`. */
export function irisOf(rows: TableAnswer["rows"], name: string, most: number): string[] {
  const found = new Set<string>();
  for (const row of rows) {
    const term = row[name];
    if (term?.type === "uri" && isWeb(term.value)) {
      found.add(term.value);
    }
    if (found.size >= most) {
      break;
    }
  }
  return [...found];
}
