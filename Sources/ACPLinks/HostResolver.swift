// SPDX-License-Identifier: Apache-2.0

import ACPRuntime
import Foundation
import Synchronization

/// Looks up the addresses of hosts.
protocol HostResolver: Sendable {
    /// Returns all addresses of a host, in the order in which to try them.
    ///
    /// - Throws: ``LinkError``; `CancellationError` as soon as the calling task is cancelled.
    func addresses(of name: String) async throws -> [IPAddress]
}

/// The resolver of the operating system.
final class SystemResolver: HostResolver {
    private let running = Mutex(0)
    private let limit: Int

    /// - Parameter limit: The maximum number of concurrent lookups. The system can take half a minute for one.
    init(limit: Int = 32) { self.limit = limit }

    func addresses(of name: String) async throws -> [IPAddress] {
        let canStart = running.withLock { running in
            guard running < limit else { return false }
            running += 1
            return true
        }
        guard canStart else {
            throw LinkError(
                .overloaded, "the addresses of \(name) were not looked up: too many lookups are running. Try again")
        }
        let lookup = Lookup()
        // A separate thread, since the system call blocks and cannot be cancelled. It ends with the call; `limit` is
        // the maximum number of threads.
        Thread.detachNewThread { [self] in
            let result = Self.lookUp(name)
            running.withLock { $0 -= 1 }
            lookup.complete(with: result)
        }
        return try await lookup.wait().get()
    }

    private static func lookUp(_ name: String) -> Result<[IPAddress], LinkError> {
        var hints = addrinfo()
        #if canImport(Glibc)
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
            hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(name, nil, &hints, &list)
        guard status == 0 else {
            let reason = gai_strerror(status).map { String(cString: $0) } ?? "error \(status)"
            return .failure(
                LinkError(.cannotConnect, "the host \(name) was not found (\(reason)): check its name"))
        }
        defer { freeaddrinfo(list) }
        var addresses: [IPAddress] = []
        for entry in sequence(first: list, next: { $0?.pointee.ai_next }) {
            guard let entry, let address = IPAddress(entry.pointee), !addresses.contains(address) else { continue }
            addresses.append(address)
        }
        guard !addresses.isEmpty else {
            return .failure(LinkError(.cannotConnect, "the host \(name) has no address: check its name"))
        }
        return .success(addresses)
    }
}

extension IPAddress {
    fileprivate init?(_ entry: addrinfo) {
        guard let socketAddress = entry.ai_addr else { return nil }
        switch entry.ai_family {
        case AF_INET:
            self = socketAddress.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { pointer in
                .v4(UInt32(bigEndian: pointer.pointee.sin_addr.s_addr))
            }
        case AF_INET6:
            let address = socketAddress.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
                withUnsafeBytes(of: pointer.pointee.sin6_addr) { IPAddress(v6: $0) }
            }
            guard let address else { return nil }
            self = address
        default: return nil
        }
    }
}

/// The result of a lookup, for which one task waits until it is cancelled.
private final class Lookup: Sendable {
    typealias Value = Result<[IPAddress], LinkError>

    private enum State {
        case open
        case waiting(CheckedContinuation<Value, any Error>)
        case completed(Value)
        case cancelled
    }

    private let state = Mutex(State.open)

    func complete(with value: Value) {
        let waiter = state.withLock { state -> CheckedContinuation<Value, any Error>? in
            switch state {
            case .open: state = .completed(value)
            case .waiting(let continuation):
                state = .completed(value)
                return continuation
            case .completed, .cancelled: break
            }
            return nil
        }
        waiter?.resume(returning: value)
    }

    func wait() async throws -> Value {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome = state.withLock { state -> Result<Value, any Error>? in
                    switch state {
                    case .open:
                        state = .waiting(continuation)
                        return nil
                    case .completed(let value): return .success(value)
                    case .waiting, .cancelled: return .failure(CancellationError())
                    }
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Value, any Error>? in
                defer { if case .completed = state {} else { state = .cancelled } }
                if case .waiting(let continuation) = state { return continuation }
                return nil
            }
            waiter?.resume(throwing: CancellationError())
        }
    }
}
