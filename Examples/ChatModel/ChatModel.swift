// SPDX-License-Identifier: Apache-2.0

import ACPServer
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// A model behind an endpoint of the chat-completions protocol: a hosted one, llama.cpp, Ollama, vLLM.
struct ChatModel: Sendable {
    /// A message of a conversation, as the protocol has it.
    struct ChatMessage: Codable, Sendable {
        var role: String
        var content: String
    }

    private struct Request: Encodable {
        var model: String
        var messages: [ChatMessage]
        var stream = true
    }

    /// The part of a chunk that this program reads.
    private struct Chunk: Decodable {
        struct Choice: Decodable {
            struct Delta: Decodable { var content: String? }
            var delta: Delta?
        }
        var choices: [Choice]?
    }

    /// The endpoint, such as `http://localhost:11434/v1`.
    let url: String
    /// The model's name, as the endpoint knows it.
    let name: String
    /// The credential. If `nil`, none is sent.
    let apiKey: String?

    /// Streams the model's reply to a conversation, a piece of text at a time.
    ///
    /// - Throws: `ACPError`, which callers of the agent see, if the endpoint refuses the request; what the HTTP client throws;
    ///   `CancellationError` when the run is cancelled.
    func reply(to conversation: [ChatMessage], onText: (String) async throws -> Void) async throws {
        var request = HTTPClientRequest(url: url + "/chat/completions")
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        if let apiKey { request.headers.add(name: "Authorization", value: "Bearer \(apiKey)") }
        request.body = .bytes(try JSONEncoder().encode(Request(model: name, messages: conversation)))
        let response = try await HTTPClient.shared.execute(request, timeout: .minutes(10))
        guard response.status == .ok else {
            // Its body may contain the endpoint's internals: it goes to the log, not to the caller.
            throw ACPError(
                "model_failed", "the model \(name) is not available: its server responded \(response.status.code)")
        }
        for try await line in Lines(response.body) {
            guard line.hasPrefix("data:") else { continue }
            let data = line.dropFirst("data:".count).drop { $0 == " " }
            if data == "[DONE]" { return }
            let chunk = try JSONDecoder().decode(Chunk.self, from: Data(data.utf8))
            if let text = chunk.choices?.first?.delta?.content, !text.isEmpty { try await onText(text) }
        }
    }
}

/// The lines of a response's body.
private struct Lines: AsyncSequence {
    struct Iterator: AsyncIteratorProtocol {
        var body: HTTPClientResponse.Body.AsyncIterator
        var buffer = ByteBuffer()

        mutating func next() async throws -> String? {
            while true {
                if let end = buffer.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) {
                    let line = buffer.readString(length: end - buffer.readerIndex) ?? ""
                    buffer.moveReaderIndex(forwardBy: 1)
                    return line.hasSuffix("\r") ? String(line.dropLast()) : line
                }
                guard var more = try await body.next() else {
                    return buffer.readableBytes > 0 ? buffer.readString(length: buffer.readableBytes) : nil
                }
                // A line that never ends would fill the memory.
                guard buffer.readableBytes < 1_048_576 else {
                    throw ACPError("model_failed", "the model's server sent a line of more than 1 MiB")
                }
                buffer.writeBuffer(&more)
            }
        }
    }

    let body: HTTPClientResponse.Body

    init(_ body: HTTPClientResponse.Body) { self.body = body }

    func makeAsyncIterator() -> Iterator { Iterator(body: body.makeAsyncIterator()) }
}
