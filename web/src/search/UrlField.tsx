// A picture by its URL, which the service fetches.

import { useEffect, useId, useRef, useState } from "preact/hooks";
import { isPictureAddress } from "./brought";
import { t } from "./messages";

export function UrlField({ onUrl }: { onUrl: (url: string) => void }) {
  const [url, setUrl] = useState("");
  const [isBad, setBad] = useState(false);
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  // Who asks for the field wants to fill it.
  useEffect(() => field.current?.focus(), []);
  const add = () => {
    const isGood = isPictureAddress(url.trim());
    setBad(!isGood);
    if (isGood) {
      onUrl(url.trim());
    }
  };
  return (
    <div class="search-field">
      <label for={id}>{t("search.url.label")}</label>
      <input
        ref={field}
        id={id}
        type="text"
        inputMode="url"
        placeholder="https://"
        value={url}
        aria-invalid={isBad}
        aria-describedby={isBad ? `${id}-bad` : undefined}
        onInput={(event) => setUrl(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") {
            event.preventDefault();
            add();
          }
        }}
      />
      <button type="button" onClick={add}>
        {t("search.url.add")}
      </button>
      <p id={`${id}-bad`} class="field-error" role="alert">
        {isBad && t("search.url.bad")}
      </p>
    </div>
  );
}
