import { expect, it } from "vitest";
import { isRequest, resized, serviceUrl } from "./iiif";

/** As the service itself reads the URLs of images. */
it.each([
  ["http://h/a/full/max/0/default.jpg", "http://h/a", "http://h/a/full/200,/0/default.jpg"],
  ["http://h/a/square/640,/!90/gray.png", "http://h/a", "http://h/a/square/200,/!90/gray.png"],
  [
    "http://h/a/pct:0,0,50,50/max/0/color.webp",
    "http://h/a",
    "http://h/a/pct:0,0,50,50/200,/0/color.webp",
  ],
])("%s is a request", (url, service, smaller) => {
  expect(isRequest(url)).toBe(true);
  expect(serviceUrl(url)).toBe(service);
  expect(resized(url, "200,")).toBe(smaller);
});

it.each([
  ["http://h/iiif/a%2Fb.jpg", "http://h/iiif/a%2Fb.jpg"],
  ["http://h/a/info.json", "http://h/a"],
  ["http://h/2020/01/15/photo.jpg", "http://h/2020/01/15/photo.jpg"],
])("%s is none", (url, service) => {
  expect(isRequest(url)).toBe(false);
  expect(serviceUrl(url)).toBe(service);
});
