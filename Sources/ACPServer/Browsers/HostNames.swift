// SPDX-License-Identifier: Apache-2.0

/// The host names and addresses under which a server can be reached. It protects servers that only this machine, or
/// only a private network, can reach against pages whose host name leads to the server by a forged DNS response.
struct HostNames: Sendable {
    /// Names and addresses in lower case, IPv6 addresses in brackets.
    private let names: [[UInt8]]
    private let includesLoopback: Bool

    /// Returns `nil` if the server accepts all host names.
    ///
    /// - Parameter address: The address on which the server listens. `nil` if another application listens.
    init?(_ configuration: ServerConfiguration, listeningOn address: String?) {
        let isLoopback = address.map { Self.isLoopback(address: $0) } ?? false
        guard isLoopback || !configuration.browsers.allowedHosts.isEmpty else { return nil }
        var names = configuration.browsers.allowedHosts.compactMap(BrowserConfiguration.normalizedHost)
        if let host = address.flatMap(BrowserConfiguration.normalizedHost) { names.append(host) }
        if let base = configuration.publicURL.flatMap(ServerBase.init) { names.append(base.hostName) }
        self.names = names.map { Array($0.utf8) }
        includesLoopback = isLoopback
    }

    /// Whether the `Host` of a request names the server, whatever its port.
    func include(_ authority: String) -> Bool {
        var authority = authority
        return authority.withUTF8 { bytes in
            let host = UnsafeBufferPointer(rebasing: bytes[..<Self.endOfHost(in: bytes)])
            if includesLoopback, Self.isLoopback(host) { return true }
            return names.contains { Self.isEqual($0, host) }
        }
    }

    private static func endOfHost(in bytes: UnsafeBufferPointer<UInt8>) -> Int {
        if bytes.first == UInt8(ascii: "[") {
            return bytes.firstIndex(of: UInt8(ascii: "]")).map { $0 + 1 } ?? bytes.count
        }
        return bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.count
    }

    /// Whether an address to listen on can be reached by this machine only.
    static func isLoopback(address: String) -> Bool {
        var host = address.contains(":") && !address.hasPrefix("[") ? "[\(address)]" : address
        return host.withUTF8 { isLoopback($0) }
    }

    /// Whether a host is a loopback address, or a name that browsers resolve to one without asking a server.
    private static func isLoopback(_ host: UnsafeBufferPointer<UInt8>) -> Bool {
        if isEqual("[::1]", host) { return true }
        // A name cannot consist of digits and dots only.
        if hasPrefix("127.", host), host.allSatisfy({ $0 == UInt8(ascii: ".") || 0x30...0x39 ~= $0 }) { return true }
        var name = host
        if name.last == UInt8(ascii: ".") { name = UnsafeBufferPointer(rebasing: name.dropLast()) }
        guard name.count >= 9 else { return false }
        let suffix = UnsafeBufferPointer(rebasing: name.suffix(9))
        return isEqual("localhost", suffix) && (name.count == 9 || name[name.count - 10] == UInt8(ascii: "."))
    }

    private static func hasPrefix(_ prefix: StaticString, _ host: UnsafeBufferPointer<UInt8>) -> Bool {
        host.count >= prefix.utf8CodeUnitCount
            && isEqual(prefix, UnsafeBufferPointer(rebasing: host.prefix(prefix.utf8CodeUnitCount)))
    }

    /// - Parameter word: A word in lower case.
    private static func isEqual(_ word: StaticString, _ host: UnsafeBufferPointer<UInt8>) -> Bool {
        isEqual(UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount), host)
    }

    private static func isEqual(_ word: some Collection<UInt8>, _ host: UnsafeBufferPointer<UInt8>) -> Bool {
        guard word.count == host.count else { return false }
        return zip(word, host).allSatisfy { letter, byte in
            letter == (UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte)
        }
    }
}
