// SPDX-License-Identifier: Apache-2.0

extension ACPError: JSONWritable {
    package func write(to writer: inout JSONWriter) throws(JSONWriter.Refusal) {
        try writer.object { writer throws(JSONWriter.Refusal) in
            try writer.member("code", code)
            try writer.member("message", message)
            try writer.member("data", data.map(JSONValue.object))
        }
    }
}

extension MessagePart: JSONWritable {
    package func write(to writer: inout JSONWriter) throws(JSONWriter.Refusal) {
        try writer.object { writer throws(JSONWriter.Refusal) in
            try writer.member("name", name)
            try writer.member("content_type", contentType)
            try writer.member("content", content)
            try writer.member("content_encoding", contentEncoding)
            try writer.member("content_url", contentURL)
            try writer.member("metadata", metadata)
            if !extra.isEmpty { try writer.members(extra, except: MessagePart.knownKeys) }
        }
    }
}

extension PartMetadata: JSONWritable {
    package func write(to writer: inout JSONWriter) throws(JSONWriter.Refusal) {
        try writer.object { writer throws(JSONWriter.Refusal) in
            switch self {
            case .citation(let citation):
                try writer.member("kind", "citation")
                try writer.member("start_index", citation.startIndex)
                try writer.member("end_index", citation.endIndex)
                try writer.member("url", citation.url)
                try writer.member("title", citation.title)
                try writer.member("description", citation.description)
            case .trajectory(let trajectory):
                try writer.member("kind", "trajectory")
                try writer.member("message", trajectory.message)
                try writer.member("tool_name", trajectory.toolName)
                try writer.member("tool_input", trajectory.toolInput)
                try writer.member("tool_output", trajectory.toolOutput)
            case .other(let members):
                try writer.members(members)
            }
        }
    }
}

extension Message: JSONWritable {
    package func write(to writer: inout JSONWriter) throws(JSONWriter.Refusal) {
        try writer.object { writer throws(JSONWriter.Refusal) in
            try writer.member("role", role)
            try writer.member("parts", parts)
            // Always there: a client would fill in a missing timestamp with its own clock.
            if let createdAt { try writer.member("created_at", createdAt) } else { writer.null("created_at") }
            if let completedAt { try writer.member("completed_at", completedAt) } else { writer.null("completed_at") }
        }
    }
}

extension AwaitRequest: JSONWritable {
    package func write(to writer: inout JSONWriter) throws(JSONWriter.Refusal) {
        switch self {
        case .message(let message): try writer.awaited(message)
        case .other(let members): try JSONValue.object(members).write(to: &writer)
        }
    }
}

extension AwaitResume: JSONWritable {
    package func write(to writer: inout JSONWriter) throws(JSONWriter.Refusal) {
        switch self {
        case .message(let message): try writer.awaited(message)
        case .other(let members): try JSONValue.object(members).write(to: &writer)
        }
    }
}

extension JSONWriter {
    fileprivate mutating func awaited(_ message: Message) throws(Refusal) {
        try object { writer throws(Refusal) in
            try writer.member("type", "message")
            try writer.member("message", message)
        }
    }
}

extension Run: JSONWritable {
    package func write(to writer: inout JSONWriter) throws(JSONWriter.Refusal) {
        try writer.object { writer throws(JSONWriter.Refusal) in
            try writer.member("run_id", id)
            try writer.member("agent_name", agentName)
            try writer.member("session_id", sessionID)
            try writer.member("status", status)
            try writer.member("await_request", awaitRequest)
            try writer.member("await_deadline", awaitDeadline)
            try writer.member("output", output)
            try writer.member("error", error)
            try writer.member("created_at", createdAt)
            try writer.member("finished_at", finishedAt)
        }
    }
}

extension RunsListResponse: JSONWritable {
    package func write(to writer: inout JSONWriter) throws(JSONWriter.Refusal) {
        try writer.object { writer throws(JSONWriter.Refusal) in
            try writer.member("runs", runs)
            try writer.member("total", total)
        }
    }
}
