// How the query was answered, as a tree: all of it, then each request and its steps.
import { useMemo } from "preact/hooks";
import { number } from "../../common/i18n";
import { plural, t } from "../texts";
import type { Explanation } from "./explanation";
import { milliseconds } from "./milliseconds";
import { PlanStages } from "./PlanStages";
import { planOf } from "./plan";
import { RequestNode } from "./RequestNode";

export function PlanView({ explanation }: { explanation: Explanation }) {
  const plan = useMemo(() => planOf(explanation), [explanation]);
  return (
    <ul class="plan">
      <li>
        <p class="plan-node">
          <strong>{t("plan.query")}</strong>
          <span>{milliseconds(plan.milliseconds)}</span>
          <span>{plural("rows", plan.rows)}</span>
          <span>{plural("plan.evaluations", plan.evaluations)}</span>
        </p>
        <ul>
          <li>
            <PlanStages stages={plan.stages} />
          </li>
          {plan.requests.length === 0 && <li class="hint">{t("plan.noRequest")}</li>}
          {plan.requests.map((request, idx) => (
            <li key={idx}>
              <RequestNode request={request} place={number(idx + 1)} />
            </li>
          ))}
        </ul>
      </li>
    </ul>
  );
}
