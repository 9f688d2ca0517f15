// A button that opens a panel below it; Escape and a click elsewhere close it.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

interface Props {
  label: string;
  name: string;
  children: (close: () => void) => ComponentChildren;
}

export function Disclosure({ label, name, children }: Props) {
  const [isOpen, setOpen] = useState(false);
  const whole = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  useEffect(
    () => (isOpen ? watch(whole.current, close, () => setOpen(false)) : undefined),
    [isOpen],
  );
  return (
    <div class={`disclosure ${name}`} ref={whole}>
      <button
        type="button"
        ref={button}
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => setOpen(!isOpen)}
      >
        {label} <span aria-hidden="true">▾</span>
      </button>
      <div id={id} class="panel" hidden={!isOpen}>
        {isOpen && children(close)}
      </div>
    </div>
  );
}

/** Tells of Escape inside of `whole`, and of pointer and focus outside of it; gives back what ends that. */
function watch(whole: HTMLElement | null, onEscape: () => void, onLeave: () => void): () => void {
  const ends = new AbortController();
  const options = { signal: ends.signal };
  const isInside = ({ target }: Event) => target instanceof Node && whole?.contains(target);
  const leave = (event: Event) => isInside(event) || onLeave();
  const leaveByKey = (event: KeyboardEvent) =>
    event.key === "Escape" && isInside(event) && onEscape();
  document.addEventListener("pointerdown", leave, options);
  document.addEventListener("focusin", leave, options);
  document.addEventListener("keydown", leaveByKey, options);
  return () => ends.abort();
}
