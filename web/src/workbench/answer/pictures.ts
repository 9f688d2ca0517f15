// Which columns of a table hold pictures, and the addresses of small ones.
import { thumbnailUrl } from "../../common/iiif";
import type { ImageRecord } from "../../common/images";
import type { TableAnswer } from "./answer";

export type KnownImages = ReadonlyMap<string, ImageRecord>;

/** So many IRIs of each column tell what the column holds. */
const SAMPLE = 20;

const FILE = /\.(?:jpe?g|png|gif|webp|avif|svg)(?:\?[^#]*)?$/i;
/** Image API: region, size, rotation, quality.format. */
const IIIF_REQUEST = /\/(full|square|(?:pct:)?[\d.,]+)\/([^/]+)\/(!?[\d.]+)\/(\w+)\.(\w+)$/;

/** Whether an IRI says by itself that a picture is there. */
export function isPictureIri(iri: string): boolean {
  return /^https?:/.test(iri) && (IIIF_REQUEST.test(iri) || FILE.test(iri));
}

/** The first IRIs of each column, to ask the service about. */
export function sampledIris({ variables, rows }: TableAnswer): string[] {
  return [...new Set(variables.flatMap((name) => irisOf(rows, name, SAMPLE)))];
}

/** The columns in which IRIs of pictures were found, the one with the most of them first. */
export function pictureColumns(
  { variables, rows }: TableAnswer,
  known: { has: (iri: string) => boolean },
): string[] {
  const isPicture = (iri: string) => known.has(iri) || isPictureIri(iri);
  return variables
    .map((name) => ({ name, n: irisOf(rows, name, SAMPLE).filter(isPicture).length }))
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
  if (IIIF_REQUEST.test(iri)) {
    return [iri.replace(IIIF_REQUEST, `/$1/${width},/$3/$4.$5`), iri];
  }
  return isPictureIri(iri) ? [iri, service] : [];
}

/** The distinct IRIs of a column, up to `most`. */
export function irisOf(rows: TableAnswer["rows"], name: string, most: number): string[] {
  const found = new Set<string>();
  for (const row of rows) {
    const term = row[name];
    if (term?.type === "uri" && /^https?:/.test(term.value)) {
      found.add(term.value);
    }
    if (found.size >= most) {
      break;
    }
  }
  return [...found];
}
