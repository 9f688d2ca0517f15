// Bars for a number per label: a table whose numbers are drawn, too.
import { useState } from "preact/hooks";
import type { TableAnswer } from "../answer/answer";
import { barsOf, type ChartColumns, MOST_BARS } from "../answer/chart";
import type { Workbench } from "../state/Workbench";
import { t } from "../texts";
import { ChartBar } from "./ChartBar";

interface Props {
  bench: Workbench;
  answer: TableAnswer;
}

export function Chart({ bench, answer }: Props) {
  const columns = bench.chart.value;
  return columns && <Bars bench={bench} answer={answer} columns={columns} />;
}

function Bars({ bench, answer, columns }: Props & { columns: ChartColumns }) {
  const [wanted, setWanted] = useState("");
  const { label, numbers } = columns;
  const drawn = numbers.includes(wanted) ? wanted : (numbers[0] ?? "");
  const bars = barsOf(answer.rows, label, drawn);
  return (
    <div class="chart">
      {numbers.length > 1 && (
        <label>
          {t("chart.number")}{" "}
          <select value={drawn} onChange={(event) => setWanted(event.currentTarget.value)}>
            {numbers.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      )}
      <table>
        <thead>
          <tr>
            <th scope="col">{label}</th>
            <th scope="col">{drawn}</th>
          </tr>
        </thead>
        <tbody>
          {bars.map((bar) => (
            <ChartBar key={JSON.stringify(bar.label)} bar={bar} prefixes={bench.prefixes.value} />
          ))}
        </tbody>
      </table>
      {answer.rows.length > MOST_BARS && <p class="hint">{t("chart.first", { n: MOST_BARS })}</p>}
    </div>
  );
}
