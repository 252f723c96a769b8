// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import Foundation

/// A PostgreSQL URL for libpq, and the parameters that belong to this storage.
struct PostgresURL {
    /// The URL without surrounding white space and without this storage's own parameters, with its scheme in lower
    /// case.
    private(set) var text: String
    private(set) var preparesStatements: Bool?
    private(set) var sendsStartupOptions: Bool?

    private static let schemes = ["postgres://", "postgresql://"]

    /// - Throws: `StorageError` with code `invalidConfiguration` if one of this storage's own parameters has another
    ///   value than yes or no.
    init(_ url: String) throws(StorageError) {
        text = url.trimmingCharacters(in: .whitespacesAndNewlines)
        guard let scheme = Self.schemes.first(where: { text.lowercased().hasPrefix($0) }) else { return }
        text = scheme + text.dropFirst(scheme.count)
        escapeZones()
        guard let mark = text.firstIndex(of: "?") else { return }
        var rest: [Substring] = []
        for item in text[text.index(after: mark)...].split(separator: "&") {
            let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            switch pair.first {
            case "prepared_statements": preparesStatements = try Self.bool(pair)
            case "startup_options": sendsStartupOptions = try Self.bool(pair)
            default: rest.append(item)
            }
        }
        text = text[..<mark] + (rest.isEmpty ? "" : "?" + rest.joined(separator: "&"))
    }

    private static func bool(_ pair: [Substring]) throws(StorageError) -> Bool {
        switch pair.dropFirst().first?.lowercased() {
        case "yes", "on", "true", "1": return true
        case "no", "off", "false", "0": return false
        default:
            throw StorageError(
                .invalidConfiguration, "the parameter \(pair[0]) of the PostgreSQL URL must be yes or no")
        }
    }

    /// Converts `[fe80::1%eth0]` into the form of RFC 6874 and libpq: `[fe80::1%25eth0]`.
    private mutating func escapeZones() {
        let start = text.range(of: "://")?.upperBound ?? text.startIndex
        let end = text[start...].firstIndex { $0 == "/" || $0 == "?" } ?? text.endIndex
        // Not in a password, where a percent sign begins an escape sequence.
        let hosts = text[start..<end].lastIndex(of: "@").map { text.index(after: $0) } ?? start
        guard text[hosts..<end].contains("[") else { return }
        let escaped = text[hosts..<end].replacing("%25", with: "%").replacing("%", with: "%25")
        text.replaceSubrange(hosts..<end, with: escaped)
    }
}
