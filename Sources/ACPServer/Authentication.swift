// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

/// Authenticates the requests to a server, and finds out who sends them.
///
/// ```swift
/// var configuration = ServerConfiguration(host: "0.0.0.0")
/// configuration.authentication = .any(try .tokens(file: "/etc/acp/tokens"), .clientCertificate())
/// configuration.isolation = true
/// ```
///
/// A method of authentication either finds a `Principal`, whose roles and runs are its own, or it only decides whether a
/// request is allowed (``bearer(_:)``, ``custom(_:)``). Callers of the second kind are not distinguished, and may do
/// everything. ``any(_:)-(Authentication...)`` combines several methods.
///
/// Each request is authenticated at most once. Requests for ``ServerConfiguration/publicRoutes`` require no credential.
public struct Authentication: Sendable {
    /// The result of authenticating a request.
    package enum Outcome: Sendable {
        /// The request is allowed. The principal is `nil` if callers are not distinguished.
        case accepted(Principal?)
        case denied
        /// It is not known whether the request is allowed.
        case unavailable(AuthenticationUnavailable)
    }

    private let authenticate: @Sendable (HTTPRequest) async throws -> Outcome
    /// Why a client could not send one of the tokens, without the token itself. `nil` if all are valid.
    let fault: String?
    /// Whether credentials are bearer tokens.
    package let isBearer: Bool
    /// Whether all callers are distinguished.
    let findsPrincipals: Bool

    /// Creates a method of authentication.
    ///
    /// - Parameters:
    ///   - fault: Why a credential can never be accepted. Defaults to `nil`.
    ///   - isBearer: Whether credentials are bearer tokens.
    ///   - findsPrincipals: Whether each request that is accepted has a principal.
    ///   - authenticate: Authenticates a request. If it throws another error than ``AuthenticationUnavailable``, the
    ///     request is denied.
    package init(
        fault: String? = nil, isBearer: Bool, findsPrincipals: Bool,
        authenticate: @escaping @Sendable (HTTPRequest) async throws -> Outcome
    ) {
        self.fault = fault
        self.isBearer = isBearer
        self.findsPrincipals = findsPrincipals
        self.authenticate = authenticate
    }

    /// Authenticates a request.
    package func outcome(of request: HTTPRequest) async -> Outcome {
        do {
            return try await authenticate(request)
        } catch let error as AuthenticationUnavailable {
            return .unavailable(error)
        } catch {
            return .denied
        }
    }

    // MARK: - Methods

    /// Allows requests that satisfy a check. Callers are not distinguished.
    ///
    /// - Parameter isAllowed: Returns whether a request is allowed. If it throws, the request is rejected with 401, or
    ///   with 503 if the error is ``AuthenticationUnavailable``.
    public static func custom(_ isAllowed: @escaping @Sendable (HTTPRequest) async throws -> Bool) -> Authentication {
        Authentication(isBearer: false, findsPrincipals: false) { request in
            try await isAllowed(request) ? .accepted(nil) : .denied
        }
    }

    /// Finds the principals of requests with a closure.
    ///
    /// ```swift
    /// configuration.authentication = .principal { request in
    ///     guard let key = request.headerFields[apiKey] else { return nil }
    ///     return try await database.owner(of: key).map { Principal(id: $0) }
    /// }
    /// ```
    ///
    /// - Parameter principal: Returns the principal of a request. If `nil`, the request is rejected with 401. If it throws,
    ///   the request is rejected as well, with 503 if the error is ``AuthenticationUnavailable``.
    public static func principal(
        _ principal: @escaping @Sendable (HTTPRequest) async throws -> Principal?
    ) -> Authentication {
        Authentication(isBearer: false, findsPrincipals: true) { request in
            try await principal(request).map { .accepted($0) } ?? .denied
        }
    }

    /// Allows requests with one of these tokens as `Authorization: Bearer …`. Callers are not distinguished.
    ///
    /// Tokens consist of visible ASCII characters without spaces. ``ServerConfiguration/validate()`` throws if a token
    /// contains other characters or if there is no token, so that such a server does not start.
    public static func bearer(_ tokens: String...) -> Authentication {
        let allowed = tokens.map { TokenDigest(of: $0.utf8) }
        let fault =
            tokens.isEmpty ? "no token is given" : tokens.lazy.compactMap(BearerToken.fault).first.map { "one \($0)" }
        return Authentication(fault: fault, isBearer: true, findsPrincipals: false) { request in
            guard let given = request.bearerToken.map({ TokenDigest(of: $0.utf8) }) else { return .denied }
            // All tokens are compared, each to its end, so that the duration reveals nothing about a token.
            let isKnown = allowed.reduce(false) { isKnown, token in token.isEqualInConstantTime(to: given) || isKnown }
            return isKnown ? .accepted(nil) : .denied
        }
    }

    /// Accepts what one of several methods accepts, the first of them in their order.
    ///
    /// Callers are distinguished if all methods distinguish them.
    public static func any(_ methods: Authentication...) -> Authentication { any(methods) }

    /// Accepts what one of several methods accepts, the first of them in their order.
    public static func any(_ methods: [Authentication]) -> Authentication {
        if methods.count == 1 { return methods[0] }
        return Authentication(
            fault: methods.isEmpty ? "no method of authentication is given" : methods.lazy.compactMap(\.fault).first,
            isBearer: methods.contains(where: \.isBearer), findsPrincipals: methods.allSatisfy(\.findsPrincipals)
        ) { request in
            var failure: AuthenticationUnavailable?
            for method in methods {
                switch await method.outcome(of: request) {
                case .accepted(let principal): return .accepted(principal)
                case .unavailable(let error): failure = failure ?? error
                case .denied: continue
                }
            }
            return failure.map { .unavailable($0) } ?? .denied
        }
    }
}

/// The error of an authentication that cannot decide at the moment, since a service that it needs does not respond, for
/// example. The request is rejected with 503, and its client may try again.
public struct AuthenticationUnavailable: Error, Sendable, CustomStringConvertible {
    /// What went wrong, for the server's log. Callers do not receive it.
    public var reason: String

    /// Creates an error.
    ///
    /// - Parameter reason: What went wrong, for the server's log.
    public init(_ reason: String) { self.reason = reason }

    /// The ``reason``.
    public var description: String { reason }
}

extension HTTPRequest {
    /// The token in the header `Authorization`. `nil` if there is none.
    package var bearerToken: Substring? {
        guard var header = headerFields.value(of: .authorization) else { return nil }
        let scheme: StaticString = "bearer "
        // The offset of the first byte of the token.
        let start = header.withUTF8 { bytes -> Int? in
            let expected = UnsafeBufferPointer(start: scheme.utf8Start, count: scheme.utf8CodeUnitCount)
            // The space is the same in both cases.
            guard bytes.count > expected.count,
                bytes.prefix(expected.count).elementsEqual(expected, by: { $0 | 0x20 == $1 })
            else { return nil }
            return bytes[expected.count...].firstIndex { $0 != UInt8(ascii: " ") }
        }
        return start.map { header[header.utf8.index(header.startIndex, offsetBy: $0)...] }
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
