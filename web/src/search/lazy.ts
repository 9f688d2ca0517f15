// Parts of the page that are loaded when they are wanted.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

export interface Lazy<Props> {
  /** Null until it is there. */
  component: ComponentType<Props> | null;
  /** Whether it is wanted and could not be loaded: the page is offline, or older than the service. */
  isMissing: boolean;
  retry: () => void;
}

/** The component that `load` gives once something is `wanted`; whatever else is wanted later tries again. */
export function useLazy<Props>(
  load: () => Promise<ComponentType<Props>>,
  wanted: string | boolean | null,
): Lazy<Props> {
  const [component, setComponent] = useState<{ it: ComponentType<Props> } | null>(null);
  const [isMissing, setMissing] = useState(false);
  const attempt = () => {
    setMissing(false);
    load().then(
      (it) => setComponent({ it }),
      () => setMissing(true),
    );
  };
  useEffect(() => {
    if (wanted && !component) {
      attempt();
    }
  }, [wanted]);
  return {
    component: component?.it ?? null,
    isMissing: isMissing && Boolean(wanted),
    retry: attempt,
  };
}
