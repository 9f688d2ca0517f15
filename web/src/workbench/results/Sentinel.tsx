// Stands at the end of what is drawn, and tells when it comes near the view.
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../texts";

interface Props {
  onSeen: () => void;
  /** What scrolls; the page itself without one. */
  root?: RefObject<HTMLElement | null>;
}

export function Sentinel({ onSeen, root }: Props) {
  const mark = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const options = { root: root?.current ?? null, rootMargin: "1000px" };
    const observer = new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting)) {
        onSeen();
      }
    }, options);
    if (mark.current) {
      observer.observe(mark.current);
    }
    return () => observer.disconnect();
  }, [onSeen, root]);
  return (
    <div ref={mark} class="sentinel">
      <button type="button" onClick={onSeen}>
        {t("more")}
      </button>
    </div>
  );
}
