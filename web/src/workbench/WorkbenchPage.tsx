// The page: editor above, results below.

import { Editor } from "./editor/Editor";
import { ErrorMessage } from "./results/ErrorMessage";
import { Results } from "./results/Results";
import { StatusLine } from "./results/StatusLine";
import type { Workbench } from "./state/Workbench";
import { t } from "./texts";
import { AboutEndpoint } from "./tools/AboutEndpoint";
import { Examples } from "./tools/Examples";
import { RunBar } from "./tools/RunBar";

export function WorkbenchPage({ bench }: { bench: Workbench }) {
  return (
    <div class="workbench">
      <div class="workbench-head">
        <h1>{t("title")}</h1>
        <Examples bench={bench} />
      </div>
      <AboutEndpoint settings={bench.settings} />
      <Editor bench={bench} />
      <RunBar bench={bench} />
      <ErrorMessage bench={bench} />
      <StatusLine bench={bench} />
      <Results bench={bench} />
    </div>
  );
}
