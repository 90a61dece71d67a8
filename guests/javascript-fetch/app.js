// Fetches from a server that the operator may allow, and from hosts that no capability names.

import { getEnvironment } from "wasi:cli/environment@0.2.12";

/** Prints how a request ends: with a status and a body, or without an answer. */
async function attempt(what, url, options) {
  let end;
  try {
    const answer = await fetch(url, options);
    end = `${answer.status} ${await answer.text()}`;
  } catch (error) {
    end = error.name;
  }
  console.log(`${what}: ${end}`);
}

/** Counts the bytes of a body as they come. */
async function download(url) {
  let bytes = 0;
  try {
    const reader = (await fetch(url)).body.getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      bytes += piece.value.length;
    }
    console.log(`download: ${bytes} bytes`);
  } catch (error) {
    console.log(`download: ${error.name}`);
  }
}

export const run = {
  async run() {
    const port = getEnvironment().find(([name]) => name === "PORT")[1];
    const server = `http://127.0.0.1:${port}`;
    await attempt("get", `${server}/hello`);
    await attempt("post", `${server}/echo`, { method: "POST", body: "as it was sent" });
    await attempt("not found", `${server}/nothing`);
    await attempt("another spelling", `http://0x7f.1:${port}/hello`);
    await download(`${server}/download`);
    await attempt("redirect", `${server}/metadata`, { redirect: "manual" });
    await attempt("metadata", "http://169.254.169.254/latest/meta-data/");
    await attempt("private", `http://10.0.0.1:${port}/hello`);
    await attempt("name", `http://localhost:${port}/hello`);
  },
};
