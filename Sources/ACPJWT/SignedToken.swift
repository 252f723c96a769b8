// SPDX-License-Identifier: Apache-2.0

import ACPServer

/// Why a token is rejected. It never contains a part of the token.
struct TokenRejection: Error, CustomStringConvertible {
    let reason: String

    init(_ reason: String) { self.reason = reason }

    var description: String { reason }
}

/// A token whose signature is not verified yet. Its claims are read afterwards.
struct SignedToken {
    let algorithm: JWTConfiguration.Algorithm
    /// The id of the key that has signed the token. `nil` if the token names none.
    let keyID: String?
    let signature: [UInt8]
    /// What is signed.
    let content: [UInt8]
    private let payload: [UInt8]

    /// Reads the header of a token.
    ///
    /// - Throws: ``TokenRejection``.
    init(_ text: some StringProtocol, _ configuration: JWTConfiguration) throws(TokenRejection) {
        guard text.utf8.count <= configuration.maximumTokenSize else {
            throw TokenRejection("it has more than \(configuration.maximumTokenSize) bytes (maximumTokenSize)")
        }
        let parts = text.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, let headerBytes = Base64URL.bytes(parts[0]), let payload = Base64URL.bytes(parts[1]),
            let signature = Base64URL.bytes(parts[2])
        else { throw TokenRejection("it is not a JSON Web Token with a signature") }
        let header = try Self.object(headerBytes, "header")
        guard let name = header["alg"]?.stringValue, let algorithm = JWTConfiguration.Algorithm(rawValue: name),
            configuration.algorithms.contains(algorithm)
        else { throw TokenRejection("its algorithm is not accepted (algorithms)") }
        // Extensions that change how a token is to be understood.
        guard header["crit"] == nil else { throw TokenRejection("its header requires an extension (crit)") }
        if let type = header["typ"] {
            // Tokens for other purposes, such as the notification of a logout, have other types.
            guard let type = type.stringValue?.lowercased(), Self.types.contains(type) else {
                throw TokenRejection("its type is not that of an access token (typ)")
            }
        }
        if let id = header["kid"] {
            guard let id = id.stringValue, !id.isEmpty else { throw TokenRejection("its key id is no text (kid)") }
            keyID = id
        } else {
            keyID = nil
        }
        self.algorithm = algorithm
        self.payload = payload
        self.signature = signature
        content = Array(text.utf8.prefix(parts[0].utf8.count + 1 + parts[1].utf8.count))
    }

    private static let types: Set<String> = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"]

    /// Returns the claims, once the signature is verified.
    ///
    /// - Throws: ``TokenRejection`` if they are not JSON, or one occurs repeatedly.
    func claims() throws(TokenRejection) -> JSONObject { try Self.object(payload, "payload") }

    private static func object(_ json: [UInt8], _ name: String) throws(TokenRejection) -> JSONObject {
        let value: JSONValue
        do throws(ACPError) {
            value = try ACPJSON.decode(JSONValue.self, from: json)
        } catch {
            throw TokenRejection("its \(name) is not JSON")
        }
        guard let object = value.objectValue else { throw TokenRejection("its \(name) is not a JSON object") }
        // Two readers could choose different ones of two members with the same name.
        guard !JSONCensus.exceeds(value.census, in: json) else {
            throw TokenRejection("its \(name) has several members with the same name")
        }
        return object
    }
}

extension JSONValue {
    /// The number of keys and values, as ``JSONCensus`` counts them in the JSON of this value.
    fileprivate var census: Int {
        func marks(_ value: JSONValue) -> Int {
            switch value {
            case .array(let elements): elements.reduce(max(1, elements.count)) { $0 + marks($1) }
            case .object(let members):
                members.reduce(max(1, members.count) + members.count) { $0 + marks($1.value) }
            default: 0
            }
        }
        return 1 + marks(self)
    }
}
