// Writes until its quota is full, and asks for paths that no capability allows.

import { getDirectories } from "wasi:filesystem/preopens@0.2.12";
import { filesystemErrorCode } from "wasi:filesystem/types@0.2.12";

const FOLLOW = { symlinkFollow: true };
const NEW = { create: true };
const WRITE = { write: true };
const READ = { read: true };


/** Prints how a call ends: its value, or the error code that it got. */
function attempt(what, call) {
  let end;
  try {
    end = call() ?? "done";
  } catch (error) {
    end = error.payload ?? `${error}`;
  }
  console.log(`${what}: ${end}`);
}

function fill(data) {
  const file = data.openAt({}, "own/log", NEW, WRITE);
  const piece = new Uint8Array(1000);
  let size = 0n;
  attempt("fill", () => {
    for (;;) {
      size += file.write(piece, size);
    }
  });
  console.log(`size: ${file.stat().size}, written: ${size}`);
  attempt("append one byte", () => file.write(piece.subarray(0, 1), size));
  attempt("overwrite", () => file.write(piece, 0n));
  attempt("create", () => data.createDirectoryAt("own/folder"));
  file.setSize(size - 1n);
  attempt("append two bytes", () => file.write(piece.subarray(0, 2), size - 1n));
  const stream = file.writeViaStream(size);
  attempt("stream", () => {
    try {
      stream.blockingWriteAndFlush(piece);
    } catch (error) {
      return filesystemErrorCode(error.payload.val);
    }
  });
  file.setSize(size - 4096n);
  attempt("create after truncate", () => data.createDirectoryAt("own/folder"));
  attempt("grow again", () => file.setSize(size - 4095n));
  data.removeDirectoryAt("own/folder");
  data.unlinkFileAt("own/log");
  // Until then its bytes count, without a name as well.
  stream[Symbol.dispose]();
  file[Symbol.dispose]();
}

export const run = {
  run() {
    const data = getDirectories().find(([, name]) => name === "/data")[0];
    fill(data);
    attempt("write", () => data.openAt({}, "own/log", NEW, WRITE).write(new Uint8Array(16), 0n));
    attempt("read", () => data.openAt({}, "own/log", {}, READ).read(100n, 0n)[0].length);
    attempt("read of a secret", () => data.openAt({}, "secret/key", {}, READ));
    attempt("list of a secret", () => data.openAt({}, "secret", { directory: true }, READ));
    attempt("stat of a secret", () => data.statAt({}, "secret/key"));
    attempt("rename to a secret", () => data.renameAt("own/log", data, "secret/log"));
    attempt("link to a secret", () => data.symlinkAt("../secret/key", "own/link"));
    attempt("read through a link", () => data.openAt(FOLLOW, "own/link", {}, READ));
    attempt("read outside", () => data.openAt({}, "../etc/passwd", {}, READ));
  },
};
