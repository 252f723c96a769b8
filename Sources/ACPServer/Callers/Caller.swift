// SPDX-License-Identifier: Apache-2.0

import Crypto
import HTTPTypes
import NIOCore

/// Who has sent a request, for counting requests.
enum Caller: Sendable, Hashable {
    /// A principal.
    case principal(PrincipalID)
    /// The owner of an accepted credential, by its hash.
    case credential([UInt8])
    /// The owner of a verified certificate, by its fingerprint.
    case certificate(String)
    /// The 4 bytes of an IPv4 address, or the first 8 bytes of an IPv6 address.
    case address([UInt8])
    /// A client without an address, such as one on a Unix domain socket.
    case unknown

    /// Finds out who has sent a request.
    ///
    /// A credential counts only if it is accepted: otherwise a caller could escape its limits with invented ones.
    init(_ request: HTTPRequest, from address: SocketAddress?, _ configuration: ServerConfiguration) async {
        let outcome = await RequestIdentity.current?.outcome(of: request)
        if case .accepted(let principal?) = outcome {
            self = .principal(principal.id)
        } else if let certificate = ClientCertificate.current {
            self = .certificate(certificate.fingerprint)
        } else if case .accepted(nil) = outcome, let credential = request.headerFields[.authorization] {
            self = .credential(Array(SHA256.hash(data: Array(credential.utf8)).prefix(16)))
        } else {
            self.init(address: address, fields: request.headerFields, proxies: configuration.trustedProxies)
        }
    }

    /// Finds the address of a client.
    ///
    /// - Parameters:
    ///   - address: The address of the connection.
    ///   - fields: The headers of the request.
    ///   - proxies: The proxies whose headers are trusted.
    init(address: SocketAddress?, fields: HTTPFields, proxies: TrustedProxies?) {
        var client = address
        if let proxies, proxies.includes(address) {
            // Each proxy appends the address from which it has received the request. The last one that is not that of a
            // trusted proxy is the client's.
            let reported = Forwarded.addresses(fields)
            client = reported.last { !proxies.includes($0) } ?? (proxies == .all ? reported.last : reported.first)
            client = client ?? address
        }
        guard let bytes = client.flatMap(TrustedProxies.bytes(of:)) else {
            self = .unknown
            return
        }
        self = .address(Array(bytes.count == 16 ? bytes.prefix(8) : bytes[...]))
    }
}
