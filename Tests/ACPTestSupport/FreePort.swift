// SPDX-License-Identifier: Apache-2.0

import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Ports of the loopback interface that are reserved for one test process.
///
/// Tests run in several processes at the same time. A port is reserved by a file lock while the process runs, so that
/// no other process uses the port of a server that is stopped and started again. Tests/Interop/free_port.py follows the
/// same rule.
public enum FreePort {
    /// Below the ephemeral ports, so that no outgoing connection occupies the port of a server.
    private static let range = 10_000..<32_000

    private static let folder = "/tmp/acp-test-ports-\(getuid())"

    /// Reserves a port on which no server listens.
    public static func find() throws -> Int {
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: true)
        for _ in 0..<1_000 {
            let port = Int.random(in: self.range)
            let lock = open("\(self.folder)/\(port)", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
            guard lock >= 0 else { continue }
            // The lock is released when the process ends.
            if flock(lock, LOCK_EX | LOCK_NB) == 0, LoopbackSocket.isFree(port: port) { return port }
            close(lock)
        }
        throw TestServerError("There is no free port among \(self.range) on the loopback interface.")
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

    /// Returns whether a server could listen on a port.
    static func isFree(port: Int) -> Bool {
        let descriptor = self.stream(AF_INET)
        defer { close(descriptor) }
        var reuse: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
        var address = self.address(port: port)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    /// Returns whether a server listens on a port.
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

    /// Returns whether a server listens on a Unix socket.
    public static func accepts(unixSocket path: String) -> Bool {
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
