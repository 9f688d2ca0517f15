// The menu of example queries, each with what it shows.
import type { Example } from "../../common/settings";
import type { Workbench } from "../state/Workbench";
import { t } from "../texts";
import { Disclosure } from "./Disclosure";

export function Examples({ bench }: { bench: Workbench }) {
  const { examples } = bench.settings;
  return examples.length > 0 ? (
    <Disclosure label={t("examples")} name="examples">
      {(close) => (
        <ul>
          {examples.map((example) => (
            <li key={example.title}>
              <button type="button" class="example" onClick={() => choose(bench, example, close)}>
                <strong>{example.title}</strong>
                {example.comment && <span>{example.comment}</span>}
              </button>
            </li>
          ))}
        </ul>
      )}
    </Disclosure>
  ) : null;
}

function choose(bench: Workbench, { query }: Example, close: () => void): void {
  bench.open({ query, view: null, isRun: false });
  close();
}
