// One step of a request, with what it counted.
import { plural, t } from "../texts";
import type { Step } from "./plan";

export function StepNode({ step }: { step: Step }) {
  return (
    <p class="plan-node">
      <span class="plan-step">{t(`plan.stage.${step.stage}`)}</span>
      {step.counts.map(({ name, n }) => (
        <span key={name}>{plural(`plan.count.${name}`, n)}</span>
      ))}
    </p>
  );
}
