// An IRI that is a picture, with the picture.
import type { ImageRecord } from "../../common/images";
import type { Prefixes } from "../query/prefixes";
import { IriLink } from "./IriLink";
import { Thumbnail } from "./Thumbnail";

interface Props {
  iri: string;
  known: ImageRecord | undefined;
  prefixes: Prefixes;
}

export function PictureTerm({ iri, known, prefixes }: Props) {
  return (
    <IriLink iri={iri} prefixes={prefixes}>
      <Thumbnail iri={iri} known={known} width={200} alt="" />
    </IriLink>
  );
}
