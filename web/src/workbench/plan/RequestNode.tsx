// One request of a plan: the way that was chosen, why, and the steps with their counts.
import { number } from "../../common/i18n";
import { t } from "../texts";
import type { RequestPlan } from "./plan";
import { StepNode } from "./StepNode";

export function RequestNode({ request, place }: { request: RequestPlan; place: string }) {
  const { subject, plan, reason, scoreFloor, isExact, steps } = request;
  return (
    <>
      <p class="plan-node">
        <strong>
          {t("plan.request", { place })} <code>{subject}</code>
        </strong>
        <span class="plan-kind">{t(`plan.kind.${plan}`)}</span>
        <span>{t(isExact ? "plan.exact" : "plan.inexact")}</span>
      </p>
      {/* The reason is the service's own sentence. */}
      <p class="hint" lang="en">
        {reason}
      </p>
      <ul>
        {scoreFloor !== null && (
          <li>{t("plan.floor", { score: number(scoreFloor, { maximumFractionDigits: 6 }) })}</li>
        )}
        {steps.map((step) => (
          <li key={step.stage}>
            <StepNode step={step} />
          </li>
        ))}
      </ul>
    </>
  );
}
