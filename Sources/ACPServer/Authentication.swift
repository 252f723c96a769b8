// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

/// Decides who may call a server. `/ping`, `/healthz` and `/readyz` answer everybody.
public struct Authentication: Sendable {
    let isAllowed: @Sendable (HTTPRequest) async throws -> Bool
    /// Why nobody could send one of the tokens. Without a token in it.
    let fault: String?

    private init(fault: String?, isAllowed: @escaping @Sendable (HTTPRequest) async throws -> Bool) {
        self.fault = fault
        self.isAllowed = isAllowed
    }

    /// Lets those call whose request satisfies a check. What the check throws counts as no.
    public static func custom(_ isAllowed: @escaping @Sendable (HTTPRequest) async throws -> Bool) -> Authentication {
        Authentication(fault: nil, isAllowed: isAllowed)
    }

    /// Lets those call who send one of these tokens as `Authorization: Bearer …`.
    ///
    /// A token consists of visible ASCII characters without spaces. Others, which no client could send, and no token at all are
    /// found by ``ServerConfiguration/validate()``, before the server starts.
    public static func bearer(_ tokens: String...) -> Authentication {
        let allowed = tokens.map { Array($0.utf8) }
        let fault =
            tokens.isEmpty ? "there is none" : tokens.lazy.compactMap(BearerToken.fault).first.map { "one \($0)" }
        return Authentication(fault: fault) { request in
            guard let header = request.headerFields[.authorization] else { return false }
            let parts = header.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "bearer" else { return false }
            let given = Array(parts[1].utf8)
            // All are compared, and each to its end, so that the time taken tells nothing about a token.
            return allowed.reduce(false) { found, token in isEqualInConstantTime(token, given) || found }
        }
    }
}

func isEqualInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    var difference = left.count ^ right.count
    for index in left.indices {
        difference |= Int(left[index] ^ (index < right.count ? right[index] : 0))
    }
    return difference == 0
}
