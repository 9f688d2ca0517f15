// One picture of the gallery: title and score of its row, or what the service knows of it.
import { language, number } from "../../common/i18n";
import type { ImageRecord } from "../../common/images";
import { inLanguage } from "../../common/language";
import type { Term } from "../../common/term";
import type { Caption } from "../answer/caption";
import { compactIri } from "../answer/compact";
import { Thumbnail } from "./Thumbnail";

interface Props {
  iri: string;
  known: ImageRecord | undefined;
  caption: Caption;
}

export function GalleryPicture({ iri, known, caption }: Props) {
  const { score, title, more } = caption;
  const words = title ? textOf(title) : knownTitle(known);
  return (
    <figure>
      <a href={known?.link ?? iri} title={iri} target="_blank" rel="noreferrer">
        <Thumbnail iri={iri} known={known} width={400} alt={words ?? compactIri(iri)} />
      </a>
      <figcaption>
        {score !== null && (
          <span class="score">
            {number(score, { minimumFractionDigits: 2, maximumFractionDigits: 2 })}
          </span>
        )}
        {words && (
          <strong lang={title ? languageOf(title) : undefined} dir="auto">
            {words}
          </strong>
        )}
        {more.length > 0 && (
          <span class="more" dir="auto">
            {more.map(textOf).join(" · ")}
          </span>
        )}
      </figcaption>
    </figure>
  );
}

function knownTitle(known: ImageRecord | undefined): string | undefined {
  return inLanguage(known?.fields?.title ?? [], language.value)[0]?.value;
}

function textOf(term: Term): string {
  return term.type === "triple" ? "" : term.value;
}

function languageOf(term: Term): string | undefined {
  return term.type === "literal" ? term["xml:lang"] : undefined;
}
