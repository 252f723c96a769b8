// SPDX-License-Identifier: Apache-2.0

/// The one rule for what can be a bearer token, for those who send it and those who ask for it.
package enum BearerToken {
    /// Why a text cannot be a bearer token, as the rest of a sentence that begins with its name. `nil` if it can.
    ///
    /// RFC 6750 allows letters, digits and `-._~+/` with `=` at the end. Tokens with other visible characters of ASCII are in use,
    /// and every client can send them, so they are accepted. Never shows the text.
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

/// The one rule for values of header fields.
package enum HeaderValue {
    /// Why a text cannot be the value of a header field, as the rest of a sentence that begins with its name. `nil` if it can.
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

    /// Why a text cannot be an idempotency key: a value of a header field with 1 to 255 bytes.
    package static func idempotencyKeyFault(in text: String) -> String? {
        if text.isEmpty { return "is empty" }
        if text.utf8.count > 255 { return "has more than 255 bytes" }
        return fault(in: text)
    }
}
