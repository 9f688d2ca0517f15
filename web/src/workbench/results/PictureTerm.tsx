// An IRI in a column of pictures, with the picture if it is one.
import { isPictureIri } from "../answer/pictures";
import type { Prefixes } from "../query/prefixes";
import type { Images } from "../state/Images";
import { IriLink } from "./IriLink";
import { Thumbnail } from "./Thumbnail";

interface Props {
  iri: string;
  images: Images;
  prefixes: Prefixes;
}

export function PictureTerm({ iri, images, prefixes }: Props) {
  const known = images.known.value.get(iri);
  // What looks like a file may be a service: it is asked for when nobody knows better.
  const isPicture = isPictureIri(iri) && images.answered.value.has(iri);
  return (
    <IriLink iri={iri} prefixes={prefixes}>
      {(known || isPicture) && <Thumbnail iri={iri} known={known} width={200} alt="" />}
    </IriLink>
  );
}
