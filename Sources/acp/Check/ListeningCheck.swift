// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOPosix

/// Checks that the ports of a server are free, and that enough files can be opened for its connections.
struct ListeningCheck {
    let values: SettingValues

    init(_ values: SettingValues) { self.values = values }

    func results() async -> [CheckResult] {
        let (listening, metrics) = (ServeSettings.listening, ServeSettings.metrics)
        var results: [CheckResult] = []
        let host = listening.address(values)
        if values.isFaulty(listening.host) || values.isFaulty(listening.port) {
            results.append(.skipped("port"))
        } else {
            results.append(await result("port", host, values[listening.port], setting: listening.port))
            if values.isFaulty(metrics.port) {
                results.append(.skipped("metrics port"))
            } else if let port = values[metrics.port] {
                results.append(await result("metrics port", host, port, setting: metrics.port))
            }
        }
        if let warning = openFiles() { results.append(warning) }
        return results
    }

    private func result(
        _ check: String, _ host: ListenHost, _ port: Int, setting: some SettingDefinition
    ) async -> CheckResult {
        do {
            let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
                .bind(host: host.address, port: port).get()
            try await channel.close()
            return .ok(check, port == 0 ? "any free port of \(host.inURL)" : "\(host.inURL):\(port) is free")
        } catch {
            let name = values.name(of: setting)
            let remedy =
                switch (error as? IOError)?.errnoCode {
                case EADDRINUSE: "it is in use: stop the program that uses it, or change \(name)"
                case EACCES: "permission denied: use a port above 1023 (\(name)), or permit it to this user"
                case EADDRNOTAVAIL:
                    "this machine has no such address: change \(values.name(of: ServeSettings.listening.host))"
                default: "\(error): change \(values.name(of: ServeSettings.listening.host))"
                }
            return .failed(check, "cannot listen on \(host.inURL):\(port): \(remedy)")
        }
    }

    /// Returns a warning if the limit of open files is less than the connections and files of a server.
    private func openFiles() -> CheckResult? {
        var limit = rlimit()
        #if canImport(Darwin)
            let isKnown = getrlimit(RLIMIT_NOFILE, &limit) == 0
        #else
            let isKnown = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
        #endif
        let setting = ServeSettings.limits.connections
        let needed = values[setting] + 100
        guard isKnown, limit.rlim_cur < needed else { return nil }
        return .warning(
            "open files",
            "this user may open \(limit.rlim_cur) files, \(needed) are needed for \(values[setting]) connections: raise the limit (ulimit -n, LimitNOFILE), or lower \(values.name(of: setting))"
        )
    }
}
