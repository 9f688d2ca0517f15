// Parts of the page that are loaded when they are wanted.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

/** The component that `load` gives once `isWanted`; null until it is there. */
export function useLazy<Props>(
  load: () => Promise<ComponentType<Props>>,
  isWanted: boolean,
): ComponentType<Props> | null {
  const [component, setComponent] = useState<{ it: ComponentType<Props> } | null>(null);
  useEffect(() => {
    if (isWanted && !component) {
      load().then(
        (it) => setComponent({ it }),
        // Offline; it is tried again the next time that it is wanted.
        () => {},
      );
    }
  }, [isWanted]);
  return component?.it ?? null;
}
