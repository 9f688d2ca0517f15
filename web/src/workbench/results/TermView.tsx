// One RDF term.
import type { Term } from "../../common/term";
import type { Prefixes } from "../query/prefixes";
import { IriLink } from "./IriLink";
import { LiteralView } from "./LiteralView";

interface Props {
  term: Term;
  prefixes: Prefixes;
  /** The language or datatype that is said elsewhere, and not again. */
  saidTag?: string | null;
}

export function TermView({ term, prefixes, saidTag = null }: Props) {
  switch (term.type) {
    case "uri":
      return <IriLink iri={term.value} prefixes={prefixes} />;
    case "bnode":
      return <span class="blank-node">_:{term.value}</span>;
    case "literal":
      return <LiteralView literal={term} prefixes={prefixes} saidTag={saidTag} />;
    case "triple": {
      const { subject, predicate, object } = term.value;
      return (
        <span class="triple-term">
          {"<<( "}
          <TermView term={subject} prefixes={prefixes} />{" "}
          <TermView term={predicate} prefixes={prefixes} />{" "}
          <TermView term={object} prefixes={prefixes} />
          {" )>>"}
        </span>
      );
    }
  }
}
