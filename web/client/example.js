// Asks a service about one line of standard input:
//     echo 870402391009 | node example.js http://127.0.0.1:8000 iin
// Never take an identifier from an argument: other users of the machine see those.
import { createInterface } from "node:readline/promises";

import { Client, CouldNotCheckError, InputError } from "@qorgan/client";

const [url = "http://127.0.0.1:8000", kind = "iin"] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { value: line = "" } = await lines.next();
try {
  const answer = await new Client(url).check(kind, line);
  if (answer.answer === "found") {
    for (const leak of answer.leaks) {
      console.log(`found: ${leak.entry?.title.en ?? leak.name}: ${leak.dataClasses.join(", ")}`);
    }
  } else {
    console.log(`not found in version ${answer.version} of ${answer.publishedAt}`);
  }
} catch (error) {
  if (error instanceof InputError) console.log(`not asked: ${error.sentence}`);
  else if (error instanceof CouldNotCheckError) console.log(error.sentence);
  else throw error;
}
