// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

/// Authenticates the requests to a server. `/ping`, `/healthz` and `/readyz` require no credential.
public struct Authentication: Sendable {
    let isAllowed: @Sendable (HTTPRequest) async throws -> Bool
    /// Why a client could not send one of the tokens, without the token itself. `nil` if all are valid.
    let fault: String?
    /// Whether credentials are bearer tokens.
    package let isBearer: Bool

    private init(
        fault: String?, isBearer: Bool, isAllowed: @escaping @Sendable (HTTPRequest) async throws -> Bool
    ) {
        self.fault = fault
        self.isBearer = isBearer
        self.isAllowed = isAllowed
    }

    /// Allows requests that satisfy a check.
    ///
    /// - Parameter isAllowed: Returns whether a request is allowed. If it throws, the request is rejected with 401.
    public static func custom(_ isAllowed: @escaping @Sendable (HTTPRequest) async throws -> Bool) -> Authentication {
        Authentication(fault: nil, isBearer: false, isAllowed: isAllowed)
    }

    /// Allows requests with one of these tokens as `Authorization: Bearer …`.
    ///
    /// Tokens consist of visible ASCII characters without spaces. ``ServerConfiguration/validate()`` throws if a token
    /// contains other characters or if there is no token, so that such a server does not start.
    public static func bearer(_ tokens: String...) -> Authentication {
        let allowed = tokens.map { Array($0.utf8) }
        let fault =
            tokens.isEmpty ? "no token is given" : tokens.lazy.compactMap(BearerToken.fault).first.map { "one \($0)" }
        return Authentication(fault: fault, isBearer: true) { request in
            guard let header = request.headerFields[.authorization] else { return false }
            let parts = header.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "bearer" else { return false }
            let given = Array(parts[1].utf8)
            // All tokens are compared, each to its end, so that the duration reveals nothing about a token.
            return allowed.reduce(false) { found, token in isEqualInConstantTime(token, given) || found }
        }
    }
}

extension Authentication {
    /// Requires that a request is authenticated.
    ///
    /// - Throws: ``ErrorResponse``: 401.
    package func check(_ request: HTTPRequest) async throws {
        guard (try? await isAllowed(request)) == true else {
            throw ErrorResponse(
                .unauthorized, .unauthorized, "a credential is missing or wrong: send Authorization: Bearer TOKEN",
                headers: [.wwwAuthenticate: "Bearer"])
        }
    }
}

/// Compares two byte sequences in a time that depends only on their lengths.
func isEqualInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    var difference = left.count ^ right.count
    for index in left.indices {
        difference |= Int(left[index] ^ (index < right.count ? right[index] : 0))
    }
    return difference == 0
}
