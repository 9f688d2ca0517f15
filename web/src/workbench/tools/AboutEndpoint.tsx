// What this endpoint is, for people who come with a program of their own.
import type { Settings } from "../../common/settings";
import { GRAPH_FORMATS, TABLE_FORMATS } from "../answer/formats";
import { t } from "../texts";

const names = (formats: typeof TABLE_FORMATS) => formats.map(({ name }) => name).join(", ");

export function AboutEndpoint({ settings }: { settings: Settings }) {
  const url = settings.endpoint || new URL(`${settings.root}sparql`, document.baseURI).href;
  return (
    <p class="about-endpoint">
      {t("about.endpoint")} <code>{url}</code>
      {` · SELECT, ASK: ${names(TABLE_FORMATS)}`}
      {` · CONSTRUCT, DESCRIBE: ${names(GRAPH_FORMATS)}. `}
      {t("about.accept")}
    </p>
  );
}
