// SPDX-License-Identifier: Apache-2.0

import ACPClient
import Foundation

/// The URLs at which the card of an agent may be.
struct CardLocation: Sendable, Hashable {
    /// The path that is appended to the URL of an agent.
    static let wellKnownPath = "/.well-known/agent-card.json"

    /// The URL without a query and without a slash at the end. Credentials may be sent to its origin.
    let base: BaseURL
    /// The URLs to try, in order.
    let candidates: [String]

    /// - Parameter text: The URL of an agent, to which the well-known path is appended, or the URL of a card.
    init(_ text: String) throws(A2AClientError) {
        let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        let query = text.firstIndex(of: "?")
        do throws(ACPClientError) {
            base = try BaseURL(String(text[..<(query ?? text.endIndex)]), of: "an A2A agent")
        } catch {
            throw A2AClientError(error)
        }
        let path = base.description.dropFirst(base.origin.count)
        if query != nil || path.hasSuffix(".json") {
            candidates = [text]
        } else if path.isEmpty {
            candidates = [base.description + Self.wellKnownPath]
        } else {
            candidates = [base.description + Self.wellKnownPath, text]
        }
    }
}
