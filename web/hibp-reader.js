// Reads a register with the npm package `hibp`, as any of its users would: tests/test_hibp.py.
import { breach, breaches, dataClasses, latestBreach } from "hibp";

const baseUrl = process.argv[2];
const all = await breaches({ baseUrl });
const told = {
  all,
  one: await breach(all[0].Name, { baseUrl }),
  none: await breach("no-such-leak", { baseUrl }),
  ofDomain: await breaches({ baseUrl, domain: "example.com" }).catch(String),
  latest: await latestBreach({ baseUrl }),
  classes: await dataClasses({ baseUrl }),
};
console.log(JSON.stringify(told));
