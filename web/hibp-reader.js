// Reads a register with the npm package `hibp`, as any of its users would: tests/test_hibp.py.
import { breach, breachedAccount, breaches, dataClasses, latestBreach, search } from "hibp";

const baseUrl = process.argv[2];
// What it makes of a question about a person: null would be "in no leak".
const kind = (answer) => answer.then(JSON.stringify, (error) => error.name);
const all = await breaches({ baseUrl });
const told = {
  all,
  one: await breach(all[0].Name, { baseUrl }),
  none: await breach("no-such-leak", { baseUrl }),
  ofDomain: await breaches({ baseUrl, domain: "example.com" }).catch(String),
  latest: await latestBreach({ baseUrl }),
  account: await kind(breachedAccount("nobody@example.com", { baseUrl, apiKey: "k" })),
  search: await kind(search("nobody@example.com", { baseUrl, apiKey: "k" })),
  classes: await dataClasses({ baseUrl }),
};
console.log(JSON.stringify(told));
