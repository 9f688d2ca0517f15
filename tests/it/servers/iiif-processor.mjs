// The package iiif-processor behind HTTP: node iiif-processor.mjs FOLDER. Prints its URL; the picture FOLDER/a.jpg is
// the image /iiif/2/a.jpg in version 2.1 and /iiif/3/a.jpg in version 3.0.
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { Processor } from "iiif-processor";

const folder = process.argv[2];
const picture = async ({ id }) => createReadStream(join(folder, decodeURIComponent(id)));

async function answer(request, response) {
    const url = `http://${request.headers.host}${request.url}`;
    const result = await new Processor(url, picture).execute();
    switch (result.type) {
        case "content":
            response.writeHead(200, { "Content-Type": result.contentType }).end(result.body);
            break;
        case "redirect":
            response.writeHead(303, { Location: result.location }).end();
            break;
        default:
            response.writeHead(result.statusCode).end(result.message);
    }
}

const server = createServer((request, response) =>
    answer(request, response).catch((error) =>
        response.writeHead(error.statusCode ?? 500).end(error.message),
    ),
);
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));

// It ends with the test: where node is started by a script of its wheel, the test can end that script alone.
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(), 500);
