// SPDX-License-Identifier: Apache-2.0
//
// The request that starts a run, as a program. Texts are quoted for their language: an input cannot become code.

/** The languages: `[id, name]` pairs. */
export const languages = [["curl", "curl"], ["swift", "Swift"], ["python", "Python"]];

/**
 * Returns a program that starts a run.
 *
 * @param {"curl" | "swift" | "python"} language
 * @param {{root: string, agent: string, messages: object[], session: string | null, mode: string, hasToken: boolean}} request
 */
export function codeExample(language, request) {
  switch (language) {
    case "curl": return curl(request);
    case "swift": return swift(request);
    default: return python(request);
  }
}

function base(root) {
  return root.replace(/\/$/, "");
}

function curl({ root, agent, messages, session, mode, hasToken }) {
  const body = { agent_name: agent, ...(session ? { session_id: session } : {}), mode, input: messages };
  return [
    `curl ${mode === "stream" ? "-N " : ""}${shellString(`${base(root)}/runs`)}`,
    ...(hasToken ? ['  -H "Authorization: Bearer $ACP_TOKEN"'] : []),
    "  -H 'Content-Type: application/json'",
    `  -d ${shellString(JSON.stringify(body, null, 2))}`,
  ].join(" \\\n");
}

/** Quotes a text for a POSIX shell. */
export function shellString(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function swift({ root, agent, messages, session, mode, hasToken }) {
  const text = plainText(messages);
  const input = text !== null ? swiftString(text)
    : `[\n${messages.map((message) => indent(swiftMessage(message), 4)).join(",\n")}\n]`;
  const parameters = `agent: ${swiftString(agent)}, input: ${input}${session ? `, session: ${swiftString(session)}` : ""}`;
  const lines = ["import ACPClient", "import Foundation", ""];
  if (hasToken) {
    lines.push('let token = ProcessInfo.processInfo.environment["ACP_TOKEN"]',
      `let client = try ACPClient(${swiftString(base(root))}, configuration: ACPClient.Configuration(bearerToken: token))`);
  } else {
    lines.push(`let client = try ACPClient(${swiftString(base(root))})`);
  }
  if (mode === "stream") {
    lines.push(`for try await item in try await client.stream(${parameters}) {`, "    print(item.event)", "}");
  } else if (mode === "async") {
    lines.push(`let handle = try await client.start(${parameters})`, "print(try await handle.settled())");
  } else {
    lines.push(`let run = try await client.run(${parameters})`, "print(run.text)");
  }
  lines.push("try await client.close()");
  return lines.join("\n");
}

function swiftMessage(message) {
  return `Message(parts: [\n${message.parts.map((part) => indent(swiftPart(part), 4)).join(",\n")}\n])`;
}

function swiftPart(part) {
  const fields = [];
  if (part.name) fields.push(`name: ${swiftString(part.name)}`);
  fields.push(`contentType: ${swiftString(part.content_type ?? "text/plain")}`);
  if (typeof part.content === "string") fields.push(`content: ${swiftString(part.content)}`);
  if (part.content_encoding === "base64") fields.push("contentEncoding: .base64");
  if (part.content_url) fields.push(`contentURL: ${swiftString(part.content_url)}`);
  return `MessagePart(${fields.join(", ")})`;
}

/** Quotes a text for Swift. */
export function swiftString(text) {
  const escapes = { "\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  return `"${text.replace(/[\\"\u0000-\u001f\u007f\u2028\u2029]/g, (character) =>
    escapes[character] ?? `\\u{${character.codePointAt(0).toString(16)}}`)}"`;
}

function python({ root, agent, messages, session, mode, hasToken }) {
  const body = { agent_name: agent, ...(session ? { session_id: session } : {}), mode, input: messages };
  const headers = hasToken ? '{"Authorization": f"Bearer {os.environ[\'ACP_TOKEN\']}"}' : null;
  const options = [`json=${pythonValue(body, 0)}`, ...(headers ? [`headers=${headers}`] : []), "timeout=600"].join(", ");
  const lines = [...(hasToken ? ["import os"] : []), "import httpx", ""];
  if (mode === "stream") {
    lines.push(
      `with httpx.stream("POST", ${pythonString(`${base(root)}/runs`)}, ${options}) as response:`,
      "    for line in response.iter_lines():", "        if line.startswith(\"data:\"):", "            print(line[5:].strip())");
  } else {
    lines.push(`response = httpx.post(${pythonString(`${base(root)}/runs`)}, ${options})`, "print(response.json())");
  }
  return lines.join("\n");
}

function pythonValue(value, depth) {
  if (value === null || value === undefined) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return pythonString(value);
  const inner = " ".repeat(4 * (depth + 1));
  const outer = " ".repeat(4 * depth);
  const entries = Array.isArray(value)
    ? value.map((item) => pythonValue(item, depth + 1))
    : Object.entries(value).map(([key, item]) => `${pythonString(key)}: ${pythonValue(item, depth + 1)}`);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  return entries.length === 0 ? open + close : `${open}\n${entries.map((entry) => `${inner}${entry},`).join("\n")}\n${outer}${close}`;
}

/** Quotes a text for Python: strings of JSON are strings of Python, except for pairs of surrogates. */
export function pythonString(text) {
  return `"${text.replace(/[\\"\u0000-\u001f\u007f\u2028\u2029]/g, (character) => {
    const escapes = { "\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t" };
    return escapes[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  })}"`;
}

/** Returns the text of an input that is one plain text, or `null`. */
function plainText(messages) {
  if (messages.length !== 1 || messages[0].parts.length !== 1) return null;
  const part = messages[0].parts[0];
  const isPlain = !part.name && !part.content_url && part.content_encoding !== "base64" && (part.content_type ?? "text/plain") === "text/plain";
  return isPlain && typeof part.content === "string" ? part.content : null;
}

function indent(text, count) {
  return text.split("\n").map((line) => " ".repeat(count) + line).join("\n");
}
