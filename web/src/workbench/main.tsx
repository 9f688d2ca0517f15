// The SPARQL workbench.
import { render } from "preact";
import { startLanguage } from "../common/i18n";
import { Shell } from "../common/Shell";
import { readSettings } from "../common/settings";
import { followAddress } from "./state/address";
import { Workbench } from "./state/Workbench";
import { WorkbenchPage } from "./WorkbenchPage";
import "./workbench.css";

/** For a service that brings no examples. */
const FIRST_QUERY = `SELECT ?image ?score WHERE {
  ?request a clip:Request ;
           clip:queryString "a mountain lake" ;
           clip:iiifUrl ?image ;
           clip:score ?score .
} ORDER BY DESC(?score) LIMIT 20
`;

const settings = readSettings(document);
await startLanguage(settings.language);
const bench = new Workbench(settings);
followAddress(bench, settings.examples[0]?.query ?? FIRST_QUERY);

const app = document.getElementById("app");
if (app) {
  render(
    <Shell settings={settings} page="sparql">
      <WorkbenchPage bench={bench} />
    </Shell>,
    app,
  );
}
