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

/** The columns whose IRIs are pictures. */
export function pictureColumns(
  answer: TableAnswer,
  known: { has: (iri: string) => boolean },
): string[] {
  return answer.variables.filter((name) =>
    irisOf(answer.rows, name, SAMPLE).some((iri) => known.has(iri) || isPictureIri(iri)),
  );
}

/**
 * Addresses of a small picture, about `width` pixels wide, in the order in which to try them: an IRI that ends
 * like a file may be that of a IIIF service all the same.
 */
export function smallPictureUrls(
  iri: string,
  width: number,
  known: ImageRecord | undefined,
): string[] {
  if (!known && IIIF_REQUEST.test(iri)) {
    return [iri.replace(IIIF_REQUEST, `/$1/${width},/$3/$4.$5`), iri];
  }
  const service = thumbnailUrl(iri.replace(/\/$/, ""), width, known?.width);
  return !known && FILE.test(iri) ? [iri, service] : [service];
}

/** The distinct IRIs of a column, up to `most`. */
function irisOf(rows: TableAnswer["rows"], name: string, most: number): string[] {
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
