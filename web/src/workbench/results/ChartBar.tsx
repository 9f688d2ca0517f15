// One bar with its label and its number.
import { number } from "../../common/i18n";
import type { Bar } from "../answer/chart";
import { tagOf } from "../answer/columns";
import type { Prefixes } from "../query/prefixes";
import { TermView } from "./TermView";

const percent = (share: number) => `${share * 100}%`;

export function ChartBar({ bar, prefixes }: { bar: Bar; prefixes: Prefixes }) {
  const place = { insetInlineStart: percent(bar.start), inlineSize: percent(bar.length) };
  return (
    <tr>
      <th scope="row">
        <TermView term={bar.label} prefixes={prefixes} saidTag={tagOf(bar.label)} />
      </th>
      <td>
        <span class="bar-number">{number(bar.number, { maximumFractionDigits: 4 })}</span>
        <span class="bar-track">
          <span class="bar" style={place} />
        </span>
      </td>
    </tr>
  );
}
