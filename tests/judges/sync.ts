// A partner's copy of a network's members, written against the types made from the API's own document.
// Given on standard input: {"cursor": string, "members": {id: member}} from before, or {} to begin with the list.
// Prints the same again, with the buckets in which its copy differs from the network's digest.
import createClient from "openapi-fetch";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { components, paths } from "./schema";

type Member = components["schemas"]["MemberPage"]["items"][number];
interface State {
  cursor?: string;
  members?: Record<string, Member>;
}

const { ADDRESS, NETWORK, KEY, FORGET } = process.env as Record<string, string>;
const api = createClient<paths, "application/json">({ baseUrl: ADDRESS, headers: { authorization: `Bearer ${KEY}` } });
const path = { slug: NETWORK };
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

function told<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

// RFC 8785: objects by their names in order; there are only whole numbers, texts and dates in it.
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, each]) => `${JSON.stringify(name)}:${canonical(each)}`).join(",")}}`;
}

async function list(): Promise<Required<State>> {
  const members: Record<string, Member> = {};
  let cursor = "";
  for (let next: string | undefined; ; ) {
    const page = told(await api.GET("/api/v1/networks/{slug}/members", { params: { path, query: { limit: 7, cursor: next } } }));
    if (page.as_of_cursor) cursor = page.as_of_cursor;
    for (const member of page.items) members[member.id] = member;
    if (page.next_cursor === null) return { cursor, members };
    next = page.next_cursor;
  }
}

async function follow({ cursor, members }: Required<State>): Promise<Required<State>> {
  for (;;) {
    const query = { after: cursor, limit: 3 };
    const page = told(await api.GET("/api/v1/networks/{slug}/changes", { params: { path, query } }));
    for (const change of page.items) {
      if (change.member) members[change.id] = change.member;
      else if (!FORGET) delete members[change.id];
    }
    cursor = page.next_cursor;
    if (!page.has_more) return { cursor, members };
  }
}

async function differing(members: Record<string, Member>): Promise<string[]> {
  const proof = told(await api.GET("/api/v1/networks/{slug}/digest", { params: { path } }));
  const lines = new Map<string, string>();
  for (const id of Object.keys(members).sort()) {
    const member = members[id];
    if ("status" in member && member.status === "pending") continue;
    const bucket = sha256(id).slice(0, 2);
    lines.set(bucket, (lines.get(bucket) ?? "") + `${id}|${member.version}|${sha256(canonical(member))}\n`);
  }
  const theirs = new Map(proof.buckets.map((each) => [each.bucket, each.hash]));
  const names = new Set([...lines.keys(), ...theirs.keys()]);
  return [...names].filter((name) => sha256(lines.get(name) ?? "") !== theirs.get(name)).sort();
}

const before = JSON.parse(readFileSync(0, "utf8")) as State;
const { cursor, members } = before.cursor ? (before as Required<State>) : await list();
const after = await follow({ cursor, members });
console.log(JSON.stringify({ ...after, differing: await differing(after.members) }));
