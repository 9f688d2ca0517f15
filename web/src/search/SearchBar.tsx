// The one box: text, pictures, and what shall not be seen.

import { useEffect, useState } from "preact/hooks";
import { looksLikePicture } from "./brought";
import { Chips } from "./Chips";
import { Icon } from "./Icon";
import { t } from "./messages";
import { PictureButton } from "./PictureButton";
import { isAsked } from "./question";
import type { Session } from "./session";
import { UrlField } from "./UrlField";

export function SearchBar({ session }: { session: Session }) {
  const question = session.question.value;
  const [text, setText] = useState(question.text);
  const [not, setNot] = useState(question.not);
  const [hasNot, showNot] = useState(question.not !== "");
  const [hasUrl, showUrl] = useState(false);
  useEffect(() => {
    setText(question.text);
    setNot(question.not);
    showNot((shown) => shown || question.not !== "");
  }, [question]);

  const submit = (event: Event) => {
    event.preventDefault();
    const isUrl = looksLikePicture(text.trim());
    const change = isUrl ? { text: "", picture: { url: text.trim() } } : { text: text.trim() };
    if (not.trim() && !isAsked({ ...question, ...change })) {
      session.refusal.value = t("search.notAlone");
      return;
    }
    session.ask({ ...change, not: not.trim() });
  };

  return (
    <search>
      <form class="search-bar" onSubmit={submit}>
        <div class="search-box">
          <input
            type="search"
            dir="auto"
            aria-label={t("search.text")}
            placeholder={t("search.placeholder")}
            enterkeyhint="search"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
          <button type="submit" class="primary">
            <Icon name="search" />
            <span>{t("search")}</span>
          </button>
        </div>
        <Chips session={session} />
        <div class="search-more">
          <PictureButton session={session} />
          <button
            type="button"
            class="quiet"
            aria-expanded={hasUrl}
            onClick={() => showUrl(!hasUrl)}
          >
            {t("search.url")}
          </button>
          <button
            type="button"
            class="quiet"
            aria-expanded={hasNot}
            onClick={() => showNot(!hasNot)}
          >
            {t("search.not")}
          </button>
          <span class="search-hint">{t("search.hint")}</span>
        </div>
        {hasNot && (
          <label class="search-field">
            <span>{t("search.not.label")}</span>
            <input
              type="text"
              name="not"
              dir="auto"
              enterkeyhint="search"
              value={not}
              onInput={(event) => setNot(event.currentTarget.value)}
            />
          </label>
        )}
        {hasUrl && (
          <UrlField
            onUrl={(url) => {
              showUrl(false);
              session.askPicture({ url });
            }}
          />
        )}
      </form>
    </search>
  );
}
