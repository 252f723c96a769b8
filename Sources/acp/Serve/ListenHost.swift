// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The address on which a server listens, in the forms of the system and of URLs.
struct ListenHost {
    /// The address without brackets.
    let address: String

    static let loopback = ListenHost(address: "127.0.0.1")

    /// The host of a URL: IPv6 addresses are in brackets, and the percent sign before their zone is escaped (RFC 6874).
    var inURL: String { address.contains(":") ? "[\(address.replacing("%", with: "%25"))]" : address }

    static func argument(_ text: String) throws -> ListenHost {
        var address = text[...]
        if address.hasPrefix("[") {
            guard address.hasSuffix("]") else {
                throw ValidationError("--host \(text): unexpected text after the brackets; use --port for the port.")
            }
            address = address.dropFirst().dropLast()
            guard address.contains(":") else {
                throw ValidationError("--host \(text): brackets are for IPv6 addresses.")
            }
        } else if address.contains("/") {
            throw ValidationError("--host \(text): expected an address or a name, not a URL.")
        } else if address.count(where: { $0 == ":" }) == 1 {
            throw ValidationError("--host \(text): expected an address or a name; use --port for the port.")
        }
        guard !address.isEmpty, !address.contains(where: \.isWhitespace) else {
            throw ValidationError("--host: expected an address or a name, without spaces.")
        }
        return ListenHost(address: String(address).replacing("%25", with: "%"))
    }
}

extension ListenHost: CustomStringConvertible {
    /// The address, which the help shows as the default.
    var description: String { address }
}
