// SPDX-License-Identifier: Apache-2.0

extension TokenTable {
    /// Reads tokens from text: each line has a name, roles and a token, separated by spaces.
    ///
    /// ```
    /// # name       roles        token
    /// alice        call         6f1c…
    /// dashboard    read         sha256:9d2e…
    /// ```
    ///
    /// Errors name the line and the column, and never contain what may be a part of a token.
    ///
    /// - Parameters:
    ///   - text: The text.
    ///   - source: What the text is, for errors.
    ///   - separatesBySemicolon: Whether a semicolon ends a line as well. Defaults to `false`.
    ///   - allowsNone: Whether there may be no tokens at all. Defaults to `false`.
    /// - Throws: ``ServerError`` with code `invalidToken`.
    init(
        parsing text: String, of source: String, separatesBySemicolon: Bool = false, allowsNone: Bool = false
    ) throws(ServerError) {
        var tokens: [AccessToken] = []
        var lines: [TokenDigest: Int] = [:]
        let text = text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]
        // By scalars: a carriage return with a line feed is one character.
        let parts = text.unicodeScalars.split(omittingEmptySubsequences: false) {
            $0 == "\n" || (separatesBySemicolon && $0 == ";")
        }
        for (index, part) in parts.enumerated() {
            let line = index + 1
            func invalid(_ reason: String) -> ServerError { .invalidTokens("line \(line) of \(source) \(reason)") }
            let columns = part.split { $0 == " " || $0 == "\t" || $0 == "\r" }.map { String($0) }
            guard let name = columns.first, !name.hasPrefix("#") else { continue }
            guard columns.count == 3 else {
                throw invalid(
                    "has \(columns.count) \(columns.count == 1 ? "column" : "columns"), where 3 are expected: a name, roles such as read or call, and a token, separated by spaces"
                )
            }
            guard let id = PrincipalID(rawValue: name) else {
                throw invalid(
                    "begins with a name that is not valid: 1 to 255 bytes of printable characters are expected")
            }
            let roles = columns[1].split(separator: ",", omittingEmptySubsequences: false).map {
                Principal.Role(rawValue: String($0))
            }
            guard roles.allSatisfy({ $0 != nil }) else {
                throw invalid(
                    "has roles that are not valid in its second column: one or several of read, call and administer are expected, separated by commas"
                )
            }
            let principal = Principal(id: id, roles: Set(roles.compactMap(\.self)))
            let digest: TokenDigest
            if columns[2].hasPrefix("sha256:") {
                guard let hash = TokenDigest(hex: columns[2].dropFirst(7)) else {
                    throw invalid("has a hash that is not valid: sha256: and 64 hexadecimal digits are expected")
                }
                digest = hash
            } else {
                if let fault = BearerToken.fault(in: columns[2]) { throw invalid("has a token that \(fault)") }
                digest = TokenDigest(of: columns[2].utf8)
            }
            if let other = lines.updateValue(line, forKey: digest) {
                throw invalid("has the same token as line \(other)")
            }
            tokens.append(AccessToken(principal, digest: digest))
        }
        guard allowsNone || !tokens.isEmpty else { throw .invalidTokens("\(source) contains no token") }
        try self.init(tokens)
    }
}
