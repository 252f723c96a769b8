// SPDX-License-Identifier: Apache-2.0

/// The rule for valid bearer tokens, shared by the client and the server.
package enum BearerToken {
    /// Returns why a text cannot be a bearer token, as the predicate of a sentence. Returns `nil` if it can.
    ///
    /// RFC 6750 allows letters, digits and `-._~+/` with `=` at the end. Tokens with other visible ASCII characters are
    /// in use, and every client can send them, so they are accepted. The result never contains the text.
    package static func fault(in text: String) -> String? {
        if text.isEmpty { return "is empty" }
        if text.utf8.contains(where: { $0 == 0x20 || $0 == 0x09 }) {
            return "contains spaces, which no client can send in a token"
        }
        if text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
            return "contains line breaks or control characters, which no client can send in a token"
        }
        if text.utf8.contains(where: { $0 >= 0x80 }) {
            return "contains characters that are not ASCII, which not every client can send in a token"
        }
        return nil
    }
}

/// The rule for valid values of header fields.
package enum HeaderValue {
    /// Returns why a text cannot be the value of a header field, as the predicate of a sentence. Returns `nil` if it
    /// can.
    package static func fault(in text: String) -> String? {
        if text.utf8.contains(where: { ($0 < 0x20 && $0 != 0x09) || $0 == 0x7F }) {
            return "contains line breaks or control characters, which a header cannot carry"
        }
        if let first = text.utf8.first, let last = text.utf8.last,
            [first, last].contains(where: { $0 == 0x20 || $0 == 0x09 })
        {
            return "begins or ends with a space, which a header cannot carry"
        }
        return nil
    }

    /// Returns why a text cannot be an idempotency key: a value of a header field with 1 to 255 bytes. Returns `nil` if
    /// it can.
    package static func idempotencyKeyFault(in text: String) -> String? {
        if text.isEmpty { return "is empty" }
        if text.utf8.count > 255 { return "has more than 255 bytes" }
        return fault(in: text)
    }
}
