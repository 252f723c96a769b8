// SPDX-License-Identifier: Apache-2.0

import Foundation
import Hummingbird

/// What a path below `/a2a` names.
struct Endpoint: Sendable {
    /// The path of a card below the URL of its agent, and below that of the server.
    static let cardPath = ".well-known/agent-card.json"

    /// The text in the place of the agent's name, decoded. `nil` for the endpoint that all agents share.
    let agent: String?
    /// The path behind the agent, as it is in the request: percent-encoded, without a slash at its beginning and end.
    /// Empty for JSON-RPC.
    let path: Substring

    /// - Parameter rest: The path behind `/a2a`, percent-encoded.
    init(_ rest: Substring?) {
        guard let rest, !rest.isEmpty else {
            agent = nil
            path = ""
            return
        }
        // By bytes: characters cost several times as much, and Foundation's decoding even more.
        let bytes = rest.utf8
        let nameEnd = bytes.firstIndex(of: UInt8(ascii: "/")) ?? bytes.endIndex
        let name = rest[..<nameEnd]
        agent = name.utf8.contains(UInt8(ascii: "%")) ? name.removingPercentEncoding ?? String(name) : String(name)
        path = rest[(bytes[nameEnd...].firstIndex { $0 != UInt8(ascii: "/") } ?? bytes.endIndex)...]
    }

    init(_ context: some RequestContext) { self.init(context.parameters[Parameters.recursiveCaptureKey]) }

    /// Whether requests are those of JSON-RPC.
    var isJSONRPC: Bool { path.isEmpty }
    /// Whether it is the card of an agent.
    var isCard: Bool { path == Self.cardPath }
}
