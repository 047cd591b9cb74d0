// One change to a repo by the Hub's JavaScript client: a commit on a branch, or
// on a new pull request. It prints the commit's sha.
import { createRequire } from "node:module";
import { join } from "node:path";

const hub = createRequire(join(process.env.HF_TAP_HUB_JS, "/"))("@huggingface/hub");
const [type, name, to, path, text] = process.argv.slice(2);
const made = await hub.commit({
  hubUrl: process.env.HF_ENDPOINT,
  accessToken: process.env.HF_TOKEN,
  repo: { type, name },
  title: `Write ${path}`,
  ...(to === "pull-request" ? { isPullRequest: true } : { branch: to }),
  operations: [{ operation: "addOrUpdate", path, content: new Blob([text]) }],
});
console.log(made.commit.oid);
