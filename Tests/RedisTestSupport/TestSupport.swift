// SPDX-License-Identifier: Apache-2.0

import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Something that a test needs could not be set up.
public struct TestServerError: Error, CustomStringConvertible {
    /// What is missing, and how to get it.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Asks again and again until the answer is yes; false if it never is.
@discardableResult
public func poll(
    for limit: Duration = .seconds(10), every pause: Duration = .milliseconds(10),
    until condition: () async throws -> Bool
) async throws -> Bool {
    let clock = ContinuousClock()
    let end = clock.now + limit
    while true {
        if try await condition() { return true }
        if clock.now >= end { return false }
        try await Task.sleep(for: pause)
    }
}

enum TestFolder {
    /// Under a short path: the length of a Unix socket's path is limited.
    static func make(_ name: String) throws -> URL {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("\(name)-\(UInt32.random(in: 0 ... .max))", isDirectory: true)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }
}

/// Ports of the loopback interface.
public enum FreePort {
    /// A port on which nobody listens at this moment.
    public static func find() throws -> Int {
        let descriptor = LoopbackSocket.stream(AF_INET)
        defer { close(descriptor) }
        var address = LoopbackSocket.address(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port: Int? =
            withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                    guard bind(descriptor, pointer, length) == 0, getsockname(descriptor, pointer, &length) == 0 else {
                        return false
                    }
                    return true
                }
            } ? Int(UInt16(bigEndian: address.sin_port)) : nil
        guard let port else { throw TestServerError("There is no free port on the loopback interface.") }
        return port
    }
}

/// Sockets of the loopback interface.
public enum LoopbackSocket {
    static func stream(_ family: Int32) -> Int32 {
        #if canImport(Glibc)
            socket(family, Int32(SOCK_STREAM.rawValue), 0)
        #else
            socket(family, SOCK_STREAM, 0)
        #endif
    }

    static func address(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    /// Somebody listens on the port.
    public static func accepts(port: Int) -> Bool {
        let descriptor = self.stream(AF_INET)
        defer { close(descriptor) }
        var address = self.address(port: port)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    /// Somebody listens on the Unix socket.
    static func accepts(unixSocket path: String) -> Bool {
        let descriptor = self.stream(AF_UNIX)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }
}
