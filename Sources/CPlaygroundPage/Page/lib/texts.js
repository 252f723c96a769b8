// SPDX-License-Identifier: Apache-2.0
//
// All texts of the page. Functions take the values that a text contains.

const plural = (count, one, many) => `${count.toLocaleString()} ${count === 1 ? one : many}`;

export const t = {
  title: "Playground",

  nav: {
    label: "Sections",
    agents: "Agents",
    runs: "Runs",
    sessions: "Sessions",
    processes: "Processes",
  },

  actions: {
    cancel: "Cancel",
    close: "Close",
    copy: "Copy",
    copied: "Copied",
    delete: "Delete",
    download: "Download",
    more: "Show more",
    open: "Open",
    refresh: "Refresh",
    remove: "Remove",
    retry: "Try again",
  },

  states: {
    loading: "Loading…",
    empty: "Nothing here yet.",
  },

  connection: {
    offline: "Server unreachable",
  },

  theme: {
    switch: "Switch between light and dark",
    system: "Colors of the system",
    light: "Light colors",
    dark: "Dark colors",
  },

  token: {
    title: "Access token",
    label: "Token",
    hint: "It is kept in this tab only, and sent to this server only.",
    use: "Use token",
    missing: "This server requires a token.",
    wrong: "The server does not accept this token.",
  },

  keyboard: {
    title: "Keyboard shortcuts",
    agents: "Go to agents",
    runs: "Go to runs",
    sessions: "Go to sessions",
    processes: "Go to processes",
    search: "Search, or filter",
    help: "Show shortcuts",
    send: "Send the input",
    close: "Close a dialog",
    leaveField: "Leave a field",
    keys: { control: "Ctrl", escape: "Esc", enter: "Enter" },
  },

  time: {
    now: "just now",
    ago: (duration) => `${duration} ago`,
  },

  status: {
    created: "Queued",
    "in-progress": "Running",
    awaiting: "Awaiting an answer",
    cancelling: "Cancelling",
    cancelled: "Cancelled",
    completed: "Completed",
    failed: "Failed",
  },

  errors: {
    title: "That did not work",
    code: "Code",
    status: "HTTP status",
    remedies: {
      unreachable: "Check that the server runs and that this device can reach it. The page reconnects by itself.",
      stream_lost: "The page reconnects by itself and continues where it was.",
      unauthorized: "Enter a valid token with the key button at the top.",
      forbidden: "Ask the server's operator for a token with the necessary permission.",
      not_found: "It may have been deleted, or its time to live has passed.",
      conflict: "Its state has changed meanwhile: look at it again.",
      invalid_input: "Change the input as the message says, and send it again.",
      unavailable: "Wait a moment and try again. If it persists, the server's log has the reason.",
      too_many_requests: "Wait a moment: this caller has sent too many requests, or has too many open streams.",
      too_large: "Send less, or let the operator raise the limit (--max-body).",
      server_error: "The server's log has the details.",
      agent: "The agent has failed the run. Its operator finds the whole error in the server's log.",
      invalid_page_data: "The server has sent something unexpected: reload the page, which may be of another version.",
    },
  },

  agents: {
    title: "Agents",
    search: "Search agents",
    searchHint: "Name, description, tag",
    count: (count) => plural(count, "agent", "agents"),
    none: "This server has no agents yet.",
    noneHint: "Add one with server.addAgent(…), or start acp serve, which has examples.",
    noMatch: "No agent matches.",
    tryOut: "Try it out",
    accepts: "Accepts",
    produces: "Produces",
    tags: "Tags",
    links: "Links",
    author: "Author",
    contributors: "Contributors",
    license: "License",
    language: "Programming language",
    naturalLanguages: "Languages",
    framework: "Framework",
    models: "Recommended models",
    capabilities: "Capabilities",
    domains: "Domains",
    dependencies: "Dependencies",
    documentation: "Documentation",
    annotations: "Annotations",
    updated: "Updated",
    metrics: "Figures",
    successRate: "Success rate",
    runTime: "Average duration",
    runTokens: "Average tokens",
    about: "About this agent",
    rawManifest: "Manifest as JSON",
    allRuns: "All runs of this agent",
  },

  compose: {
    input: "Input",
    text: "Text",
    json: "JSON",
    files: "Files",
    textHint: "Type a message…",
    textMarkdownHint: "Type a message… Paste or drop files to attach them.",
    jsonHint: "{ }",
    addFile: "Attach files",
    dropHere: "Drop files to attach them",
    paste: "Images can be pasted from the clipboard.",
    jsonValid: "Valid JSON",
    jsonInvalid: (message) => `Not valid JSON: ${message}`,
    jsonAt: (line, column, message) => `Not valid JSON, line ${line}, column ${column}: ${message}`,
    nothing: "Enter something to send.",
    notAccepted: (type) => `This agent does not declare ${type} as its input. It is sent nevertheless.`,
    tooLarge: (size, limit) => `Too large: ${size} of ${limit} that the server accepts.`,
    fileFailed: (name) => `${name} could not be read.`,
    partName: "Name",
    contentType: "Content type",
    recent: "Recent inputs",
    noRecent: "Inputs that you send are listed here, on this device only.",
    mode: "Mode",
    modes: { stream: "Stream", sync: "Sync", async: "Async" },
    modeHints: {
      stream: "Shows output as it is produced",
      sync: "Waits for the result in one response",
      async: "Starts the run, then follows its events",
    },
    session: "Session",
    newSession: "New session",
    continues: (id) => `Continues session ${id}`,
    startsSession: "Starts a session",
    run: "Run",
    running: "Starting…",
    shortcut: "Ctrl + Enter",
    attachments: (count) => plural(count, "attachment", "attachments"),
  },

  run: {
    title: "Run",
    input: "Input",
    output: "Output",
    inputUnknown: "The input of this run is not available.",
    noOutput: "No output",
    waiting: "Waiting for output…",
    waitingForResponse: "Waiting for the response…",
    queued: "Waiting for its turn…",
    cancel: "Cancel run",
    cancelled: "The run was cancelled.",
    again: "Run again",
    delete: "Delete run",
    deleteQuestion: "Delete this run with all its events?",
    deleted: "The run is deleted.",
    copyAs: "Copy as",
    details: "Details",
    open: "Open run",
    duration: (text) => `${text}`,
    startedAgo: (text) => `started ${text}`,
    sessionLink: "Session",
    reconnecting: "Connection lost. Reconnecting…",
    polling: "Waiting for a free connection…",
    streamFailed: "The events of this run cannot be followed.",
    question: "The agent asks",
    answered: "Answer",
    answer: "Answer",
    sendAnswer: "Send answer",
    answerFailed: "The answer was not accepted.",
    typedAnswer: "Typed answer",
    messageAnswer: "Message",
    answerType: "Type",
    deadline: (text) => `Answer until ${text}`,
    generic: "Event",
    steps: (count) => plural(count, "step", "steps"),
    step: "Step",
    toolInput: "Input",
    toolOutput: "Output",
    sources: "Sources",
    source: (number) => `Source ${number}`,
    artifact: "Artifact",
    showRendered: "Formatted",
    showSource: "Source text",
    error: "Error",
    role: { user: "You", agent: "Agent" },
    live: "Live",
    jumpToEnd: "Jump to the end",
    starting: "Starting the run…",
    retrying: "The server cannot be reached. Trying again…",
  },

  contents: {
    empty: "(empty)",
    bytes: (size, type) => `${type}, ${size}`,
    preview: "Preview",
    hidePreview: "Hide preview",
    showSource: "Show source",
    hideSource: "Hide source",
    notDecodable: "The content is not valid base64.",
    notJSON: "The content is not valid JSON.",
    remote: "Stored elsewhere",
    remoteHint: "Not loaded by this page. Open it in a new tab:",
    loading: "Loading the content…",
    rows: (shown, total) => `${shown.toLocaleString()} of ${total.toLocaleString()} rows`,
    columns: (count) => plural(count, "column", "columns"),
    copyCode: "Copy code",
    image: (name) => `Image ${name ?? ""}`.trim(),
    items: (count) => plural(count, "item", "items"),
    long: (size) => `Long text, ${size}`,
    showAll: "Show all",
  },

  runs: {
    title: "Runs",
    none: "No runs match.",
  },

  sessions: {
    title: "Sessions",
  },

  processes: {
    title: "Processes",
  },
};

/** Returns what a user can do about an error of the server, or `null`. */
export function remedy(error) {
  const { remedies } = t.errors;
  switch (error.status) {
    case 0: return remedies[error.code] ?? remedies.unreachable;
    case 401: return remedies.unauthorized;
    case 403: return error.code === "conflict" ? remedies.conflict : remedies.forbidden;
    case 404: return remedies.not_found;
    case 409: return remedies.conflict;
    case 413: return remedies.too_large;
    case 422: return remedies.invalid_input;
    case 429: return remedies.too_many_requests;
    case 503: return remedies.unavailable;
    default: return error.status >= 500 ? remedies.server_error : null;
  }
}
