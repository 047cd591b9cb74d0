// A life of a repo by the Hub's JavaScript client, against the sandbox at
// HF_ENDPOINT. It prints what the client returns, as one JSON object. The
// client has no calls for discussions: these are fetched.
import { createRequire } from "node:module";
import { join } from "node:path";

const hub = createRequire(join(process.env.HF_TAP_HUB_JS, "/"))("@huggingface/hub");
const hubUrl = process.env.HF_ENDPOINT;
const accessToken = process.env.HF_TOKEN;
const [type, name] = process.argv.slice(2);
const repo = { type, name };
const params = { hubUrl, accessToken, repo };
const seen = {};

async function all(iterator, pick) {
  const list = [];
  for await (const item of iterator) list.push(pick(item));
  return list;
}

async function failure(call) {
  try {
    await call();
  } catch (e) {
    return { status: e.statusCode, message: e.message };
  }
  return null;
}

async function discuss(path, body) {
  const response = await fetch(`${hubUrl}/api/${type}s/${name}/discussions${path}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${accessToken}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.text() };
}

const file = (path, text) => ({ operation: "addOrUpdate", path, content: new Blob([text]) });

seen.user = (await hub.whoAmI(params)).name;
seen.orgs = (await hub.whoAmI(params)).orgs.map((org) => org.name);
seen.created = await hub.createRepo({ ...params, visibility: "private", license: "mit", sdk: "docker", files: [{ path: "old.txt", content: new Blob(["old"]) }] });
seen.again = await failure(() => hub.createRepo({ ...params, sdk: "docker" }));
seen.exists = [await hub.repoExists(params), await hub.repoExists({ hubUrl, repo })];

seen.commit = await hub.commit({ ...params, title: "Add data", operations: [file("data/ü.txt", "one"), { operation: "delete", path: "old.txt" }] });
await hub.createBranch({ ...params, branch: "feature/x" });
seen.onBranch = await hub.uploadFile({ ...params, branch: "feature/x", file: { path: "b.txt", content: new Blob(["two"]) } });
seen.pull = await hub.commit({ ...params, title: "Propose", description: "why", isPullRequest: true, operations: [file("c.txt", "three")] });
seen.comment = await discuss("/1/comment", { comment: "Looks good" });
seen.merge = await discuss("/1/merge", {});
await hub.deleteBranch({ ...params, branch: "feature/x" });

seen.info = await { model: hub.modelInfo, dataset: hub.datasetInfo, space: hub.spaceInfo }[type]({ hubUrl, accessToken, name, additionalFields: ["sha"] });
seen.files = await all(hub.listFiles({ ...params, recursive: true, expand: true }), (f) => `${f.type} ${f.path} ${f.lastCommit.title}`);
seen.pullFiles = await all(hub.listFiles({ ...params, revision: "refs/pr/1" }), (f) => f.path);
seen.commits = await all(hub.listCommits({ ...params, batchSize: 1 }), (c) => c.title);
seen.count = await hub.countCommits(params);
seen.text = await (await hub.downloadFile({ ...params, path: "data/ü.txt" })).text();
seen.missing = await hub.downloadFile({ ...params, path: "none.txt" });
seen.fileExists = [await hub.fileExists({ ...params, path: "c.txt" }), await hub.fileExists({ ...params, path: "none.txt" })];
seen.paths = (await hub.pathsInfo({ ...params, paths: ["data", "none.txt"], expand: true })).map((p) => p.path);
seen.stale = await failure(() => hub.commit({ ...params, title: "Late", parentCommit: seen.commit.commit.oid, operations: [file("d.txt", "four")] }));
seen.large = await failure(() => hub.uploadFile({ ...params, file: { path: "large.bin", content: new Blob([new Uint8Array(11 << 20)]) } }));
seen.deletedFiles = await hub.deleteFiles({ ...params, paths: ["c.txt"] });
await hub.deleteRepo(params);
seen.gone = await failure(() => hub.checkRepoAccess(params));
console.log(JSON.stringify(seen));
