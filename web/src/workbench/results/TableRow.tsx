// One solution.
import type { Row } from "../../common/sparql";
import type { Column } from "../answer/columns";
import type { Prefixes } from "../query/prefixes";
import type { Images } from "../state/Images";
import { PictureTerm } from "./PictureTerm";
import { TermView } from "./TermView";

interface Props {
  row: Row;
  number: number;
  columns: readonly Column[];
  pictures: readonly string[];
  prefixes: Prefixes;
  images: Images;
}

export function TableRow({ row, number, columns, pictures, prefixes, images }: Props) {
  return (
    <tr aria-rowindex={number + 1}>
      <th scope="row" class="row-number">
        {number}
      </th>
      {columns.map(({ name, tag, isNumeric }) => {
        const term = row[name];
        return (
          <td key={name} class={isNumeric ? "number" : ""}>
            {term?.type === "uri" && pictures.includes(name) ? (
              <PictureTerm iri={term.value} images={images} prefixes={prefixes} />
            ) : (
              term && <TermView term={term} prefixes={prefixes} saidTag={tag} />
            )}
          </td>
        );
      })}
    </tr>
  );
}
