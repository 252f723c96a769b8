// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The address that a server listens on, as the system takes it and as URLs have it.
struct ListenHost {
    /// Without brackets.
    let address: String

    static let loopback = ListenHost(address: "127.0.0.1")

    /// The host of a URL: IPv6 addresses are in brackets, and the sign before their zone is escaped (RFC 6874).
    var inURL: String { address.contains(":") ? "[\(address.replacing("%", with: "%25"))]" : address }

    static func argument(_ text: String) throws -> ListenHost {
        var address = text[...]
        if address.hasPrefix("[") {
            guard address.hasSuffix("]") else {
                throw ValidationError("--host \(text): nothing may follow the brackets; the port is given with --port.")
            }
            address = address.dropFirst().dropLast()
            guard address.contains(":") else {
                throw ValidationError("--host \(text): brackets are for IPv6 addresses.")
            }
        } else if address.contains("/") {
            throw ValidationError("--host \(text): an address or a name is expected, not a URL.")
        } else if address.count(where: { $0 == ":" }) == 1 {
            throw ValidationError("--host \(text): an address or a name is expected; the port is given with --port.")
        }
        guard !address.isEmpty, !address.contains(where: \.isWhitespace) else {
            throw ValidationError("--host: an address or a name is expected, without spaces.")
        }
        return ListenHost(address: String(address).replacing("%25", with: "%"))
    }
}

extension ListenHost: CustomStringConvertible {
    /// As help shows the default.
    var description: String { address }
}
