// The answer, in the view that is chosen.
import type { View } from "../answer/views";
import { PlanView } from "../plan/PlanView";
import type { Workbench } from "../state/Workbench";
import { BooleanView } from "./BooleanView";
import { Chart } from "./Chart";
import { Gallery } from "./Gallery";
import { Table } from "./Table";
import { TextView } from "./TextView";
import { panelId, tabId, ViewTabs } from "./ViewTabs";

export function Results({ bench }: { bench: Workbench }) {
  const view = bench.view.value;
  return view ? (
    <section class="results">
      <ViewTabs views={bench.views.value} chosen={view} onChoose={(v) => choose(bench, v)} />
      <div id={panelId(view)} role="tabpanel" aria-labelledby={tabId(view)} class={`view-${view}`}>
        <Shown bench={bench} view={view} />
      </div>
    </section>
  ) : null;
}

function Shown({ bench, view }: { bench: Workbench; view: View }) {
  const answer = bench.answer.value;
  if (view === "plan") {
    return bench.plan.value && <PlanView explanation={bench.plan.value} />;
  }
  if (view === "text") {
    return answer && <TextView key={answer.text} text={answer.text} />;
  }
  if (answer?.kind === "boolean") {
    return <BooleanView value={answer.value} />;
  }
  if (answer?.kind !== "table") {
    return null;
  }
  const parts = { bench, answer };
  switch (view) {
    case "gallery":
      return <Gallery {...parts} key={answer.text} />;
    case "chart":
      return <Chart {...parts} />;
    default:
      return <Table {...parts} key={answer.text} />;
  }
}

function choose(bench: Workbench, view: View): void {
  bench.wantedView.value = view;
}
