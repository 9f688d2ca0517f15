// The search page.

import "../common/theme.css";
import "./search.css";
// Style sheets of parts that are loaded later come at once: they are small, and nothing flickers.
import "./basket/basket.css";
import "./opened/opened.css";
import { useEffect } from "preact/hooks";
import { Alert } from "../common/Alert";
import { common } from "../common/i18n";
import { Shell } from "../common/Shell";
import { DropZone } from "./DropZone";
import { Failure } from "./Failure";
import { useLazy } from "./lazy";
import { plural, t } from "./messages";
import { isAsked } from "./question";
import { Results } from "./Results";
import { SearchBar } from "./SearchBar";
import { Start } from "./Start";
import type { Session } from "./session";

export function SearchPage({ session }: { session: Session }) {
  const { settings, navigation, basket } = session;
  const question = session.question.value;
  const { open } = navigation.view.value;
  const hasBasket = basket.pictures.value.length > 0;
  const opened = useLazy(() => import("./opened/Opened").then((it) => it.Opened), open);
  const gathered = useLazy(
    () => import("./basket/BasketBar").then((it) => it.BasketBar),
    hasBasket,
  );
  const missing = [opened, gathered].find(({ isMissing }) => isMissing);
  const Opened = opened.component;
  const Gathered = gathered.component;
  const isSearch = isAsked(question);
  useEffect(() => {
    document.title = question.text ? `${question.text} – ${settings.name}` : settings.name;
  }, [question, settings]);
  return (
    <Shell settings={settings} page="search">
      <div class={isSearch ? "asking" : "asking is-start"}>
        <h1 class={isSearch ? "visually-hidden" : ""}>{t("start.title")}</h1>
        {!isSearch && <p class="lead">{plural("start.lead", settings.nImages)}</p>}
        <SearchBar session={session} />
        <Alert sentence={session.refusal.value} />
        <Failure session={session} />
      </div>
      {isSearch ? <Results session={session} /> : <Start session={session} />}
      {Gathered && hasBasket && <Gathered session={session} />}
      {Opened && open !== null && <Opened session={session} image={open} />}
      {/* Over the page: who opened a picture far down sees nothing of its top. */}
      <div class="notice">
        <Alert sentence={missing ? common.t("error.offline") : null} onRetry={missing?.retry} />
      </div>
      <DropZone session={session} />
    </Shell>
  );
}
