// SPDX-License-Identifier: Apache-2.0

/// The position in a distributed trace, as the headers `traceparent` and `tracestate` carry it (W3C Trace Context).
package struct TraceContext: Sendable, Hashable {
    /// The names of the headers.
    package static let parentName = "traceparent"
    package static let stateName = "tracestate"

    /// The value of `traceparent`.
    package let parent: String
    /// The value of `tracestate`. `nil` if there is none.
    package let state: String?

    private static let maximumStateLength = 512

    /// Creates a context from the values of headers.
    ///
    /// - Returns: `nil` if `traceparent` is missing or not valid. A `tracestate` that is not valid is left out.
    package init?(parent: String?, state: String?) {
        guard let parent, Self.isValid(Array(parent.utf8)) else { return nil }
        self.parent = parent
        self.state = state.flatMap { state in
            let isValid =
                !state.isEmpty && state.utf8.count <= Self.maximumStateLength
                && state.utf8.allSatisfy { (0x20...0x7E).contains($0) }
            return isValid ? state : nil
        }
    }

    /// The id of the trace: 32 hexadecimal digits.
    package var traceID: String { String(parent.utf8.dropFirst(3).prefix(32)) ?? "" }

    /// Whether a value is that of a `traceparent`: `00-` trace id `-` parent id `-` flags. Later versions may append
    /// something.
    private static func isValid(_ text: [UInt8]) -> Bool {
        guard text.count >= 55, text[2] == dash, text[35] == dash, text[52] == dash else { return false }
        let (version, trace, span, flags) = (text[0..<2], text[3..<35], text[36..<52], text[53..<55])
        guard (version + trace + span + flags).allSatisfy(isHexDigit) else { return false }
        guard !trace.allSatisfy({ $0 == zero }), !span.allSatisfy({ $0 == zero }) else { return false }
        switch (version.first, version.last) {
        case (UInt8(ascii: "f"), UInt8(ascii: "f")): return false
        case (zero, zero): return text.count == 55
        default: return text.count == 55 || text[55] == dash
        }
    }

    private static let dash = UInt8(ascii: "-")
    private static let zero = UInt8(ascii: "0")

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
