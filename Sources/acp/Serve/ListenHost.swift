// SPDX-License-Identifier: Apache-2.0

/// The address on which a server listens, in the forms of the system and of URLs.
struct ListenHost {
    /// The address without brackets.
    let address: String

    static let loopback = ListenHost(address: "127.0.0.1")

    /// The host of a URL: IPv6 addresses are in brackets, and the percent sign before their zone is escaped (RFC 6874).
    var inURL: String { address.contains(":") ? "[\(address.replacing("%", with: "%25"))]" : address }

    /// Whether only this machine can reach the address.
    var isLoopback: Bool { address.hasPrefix("127.") || address == "::1" || address.lowercased() == "localhost" }

    private init(address: String) { self.address = address }

    /// Parses the value of a setting.
    init(_ text: String) throws(SettingFault) {
        var address = text[...]
        if address.hasPrefix("[") {
            guard address.hasSuffix("]") else {
                throw SettingFault(predicate: "has text after the brackets: use --port for the port")
            }
            address = address.dropFirst().dropLast()
            guard address.contains(":") else {
                throw SettingFault(predicate: "has brackets, which are for IPv6 addresses")
            }
        } else if address.contains("/") {
            throw SettingFault(predicate: "must be an address or a name, not a URL")
        } else if address.count(where: { $0 == ":" }) == 1 {
            throw SettingFault(predicate: "must be an address or a name: use --port for the port")
        }
        guard !address.isEmpty, !address.contains(where: \.isWhitespace) else {
            throw SettingFault(predicate: "is empty or contains spaces: expected an address or a name")
        }
        self.address = String(address).replacing("%25", with: "%")
    }
}
