// A client of npm's Model Context Protocol SDK: it starts the server, lists what it has
// and calls its tools. It prints what it saw as JSON.
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.HF_TAP_MCP_JS, "/"));
const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = require("@modelcontextprotocol/sdk/client/stdio.js");

const [binary, port] = process.argv.slice(2);
const client = new Client({ name: "npm", version: "1" });
const errors = [];
client.onerror = (err) => errors.push(String(err));
await client.connect(new StdioClientTransport({ command: binary, args: ["mcp"], env: process.env, stderr: "inherit" }));

const call = async (name, args, options) => {
  const result = await client.callTool({ name, arguments: args }, undefined, options);
  if (result.isError) throw new Error(`${name}: ${result.content[0].text}`);
  if (JSON.stringify(sorted(JSON.parse(result.content[0].text))) !== JSON.stringify(sorted(result.structuredContent))) {
    throw new Error(`${name}: the text is not the value`);
  }
  return result.structuredContent;
};
const sorted = (v) => {
  if (Array.isArray(v)) return v.map(sorted);
  if (v && typeof v === "object") return Object.fromEntries(Object.keys(v).sort().map((k) => [k, sorted(v[k])]));
  return v;
};

const seen = { tools: (await client.listTools()).tools.map((t) => t.name) };
await call("start_listening", { watches: ["model:me/m"], targets: [port] });
const sent = await call("trigger_event", { kind: "discussion.create", repo: "model:me/m" });
seen.answer = sent.sent[0].untrusted.answers[0].body.text;
const n = sent.sent[0].event.n;
seen.replayed = (await call("replay_event", { n, times: 2, new_id: true })).sent.length;
seen.event = (await call("get_event", { n })).event.untrusted.kind;
const progress = [];
seen.waited = (await call("wait_for_event", { timeout_seconds: 3 }, { onprogress: (p) => progress.push(p.message) })).matched;
seen.progress = progress.length;
seen.listed = (await call("list_events", { filter: "discussion.create", limit: 2 })).events.length;
await call("session_status", {});
await call("list_webhooks", {});
seen.works = (await call("doctor", {})).works;
seen.resource = JSON.parse((await client.readResource({ uri: `hf-tap://events/${n}/body` })).contents[0].text).event.scope;
seen.templates = (await client.listResourceTemplates()).resourceTemplates.length;
const cancel = new AbortController();
const cancelled = call("wait_for_event", { timeout_seconds: 600 }, { signal: cancel.signal, onprogress: () => cancel.abort() });
seen.cancelled = await cancelled.then(() => "no", () => "yes");
seen.unknown = await client.callTool({ name: "rm", arguments: {} }).then((r) => String(r.isError), (err) => String(err.code));
seen.wrong = (await client.callTool({ name: "get_event", arguments: { n: "x" } })).isError;
await client.close();
seen.errors = errors;
console.log(JSON.stringify(seen));
