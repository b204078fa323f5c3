// Checks one line of standard input offline: the service evaluates, the filter is held in a folder.
//     echo 870402391009 | node example-offline.js http://127.0.0.1:8000 iin filters
import { appendFile, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";

import { Client, CouldNotCheckError, InputError, OfflineClient } from "@qorgan/client";

/** A folder for one service's filters. */
class FolderFilters {
  constructor(folder) {
    this.folder = folder;
  }

  async read(name) {
    await mkdir(this.folder, { recursive: true });
    return readFile(join(this.folder, name)).catch((error) => {
      if (error.code === "ENOENT") return null;
      throw error;
    });
  }

  async append(name, part) {
    await appendFile(join(this.folder, name), part);
  }

  async keepOnly(name) {
    for (const file of await readdir(this.folder)) {
      if (file.endsWith(".filter") && file !== name) await rm(join(this.folder, file));
    }
  }
}

const [url = "http://127.0.0.1:8000", kind = "iin", folder = "filters"] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { value: line = "" } = await lines.next();
try {
  const answer = await new OfflineClient(new Client(url), new FolderFilters(folder)).check(kind, line);
  if (answer.answer === "possible") {
    console.log("possible: perhaps in a leak, perhaps a stranger; only a range could tell");
  } else {
    console.log(`not found in version ${answer.version} of ${answer.publishedAt}`);
  }
} catch (error) {
  if (error instanceof InputError) console.log(`not asked: ${error.sentence}`);
  else if (error instanceof CouldNotCheckError) console.log(error.sentence);
  else throw error;
}
