// SPDX-License-Identifier: Apache-2.0

import ACPTestSupport
import Foundation
import HTTPTypes

@testable import ACPServer

/// Reads a text as a file of tokens, and as a variable with tokens. What is accepted has one token for each line, is the
/// same after it was written with hashes, and authenticates exactly its tokens. Errors contain nothing of the text.
///
/// - Parameter input: The first byte chooses between a file and a variable, the second is the position of a secret, the
///   rest is the text.
func checkTokenFile(_ input: [UInt8]) throws {
    guard input.count > 2 else { return }
    let isVariable = input[0] % 2 == 1
    guard let text = String(validating: input[2...], as: UTF8.self) else { return }
    let table: TokenTable
    do throws(ServerError) {
        table = try TokenTable(parsing: text, of: "the source", separatesBySemicolon: isVariable)
    } catch {
        try demand("\(error)".contains("the source"), "an error does not name its source: \(error)")
        table = try TokenTable([])
    }
    do throws(ServerError) {
        let text = PlantedSecret.insert(into: text, at: Int(input[1]))
        _ = try TokenTable(parsing: text, of: "the source", separatesBySemicolon: isVariable)
    } catch {
        try demand(!"\(error)".contains(PlantedSecret.text), "an error contains a part of the text: \(error)")
    }
    guard !table.tokens.isEmpty else { return }

    let lines = text.trimmingPrefix("\u{FEFF}").unicodeScalars
        .split(whereSeparator: { $0 == "\n" || (isVariable && $0 == ";") })
        .map { $0.split(whereSeparator: { " \t\r".unicodeScalars.contains($0) }).map { String($0) } }
        .filter { $0.first.map { !$0.hasPrefix("#") } ?? false }
    try demand(lines.count == table.tokens.count, "\(lines.count) lines, \(table.tokens.count) tokens")
    // A name at the start of a text would lose its byte order mark.
    var written = "#\n"
    for (line, token) in zip(lines, table.tokens) {
        try demand(line.count == 3, "a line does not have three columns")
        try demand(token.principal.id.rawValue == line[0], "another name")
        try demand(
            Set(line[1].split(separator: ",").map { String($0) }) == Set(token.principal.roles.map(\.rawValue)),
            "other roles")
        try demand(!token.principal.roles.isEmpty, "no role")
        if line[2].hasPrefix("sha256:") {
            written += line.joined(separator: " ") + "\n"
            continue
        }
        try demand(table.principal(of: TokenDigest(of: line[2].utf8)) == token.principal, "a token has another owner")
        var request = HTTPRequest(method: .get, scheme: "http", authority: "localhost", path: "/")
        request.headerFields[.authorization] = "Bearer \(line[2])"
        try demand(table.outcome(of: request).principal == token.principal, "a token cannot be sent by a client")
        for other in [line[2] + "x", String(line[2].dropLast()), line[2].lowercased() + "Q"] {
            let isListed = lines.contains { $0[2] == other }
            try demand(isListed || table.principal(of: TokenDigest(of: other.utf8)) == nil, "another token is accepted")
        }
        written += "\(line[0]) \(line[1]) sha256:\(token.digest.hex)\n"
    }
    let again = try TokenTable(parsing: written, of: "the source")
    try demand(
        again.tokens.map(\.principal) == table.tokens.map(\.principal)
            && again.tokens.map(\.digest) == table.tokens.map(\.digest), "the tokens are others after a round trip")
}

extension Authentication.Outcome {
    fileprivate var principal: Principal? {
        if case .accepted(let principal) = self { principal } else { nil }
    }
}

extension TokenDigest {
    /// The hash in hexadecimal, read from its memory.
    fileprivate var hex: String {
        withUnsafeBytes(of: self) { $0.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() }
    }
}
