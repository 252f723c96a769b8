// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOPosix

/// The settings that all parts of a measurement share.
struct BenchSession: Sendable {
    /// Whether the measurements are short, for a first impression.
    let isQuick: Bool
    /// How often each figure of an aim is measured.
    let roundCount: Int
    /// The folder of the measured programs.
    let programs: URL
    /// The interpreter with the Python SDK, `nil` if it is not installed, and the program that serves with it.
    let python: String?
    let pythonServer: String
    /// The folder for all files. Removed at the end.
    let folder: URL

    var group: MultiThreadedEventLoopGroup { .singleton }

    /// Returns one of two values, by the length of the measurement.
    func pick<Value>(_ whole: Value, quick: Value) -> Value { isQuick ? quick : whole }

    /// `3 rounds`, for texts.
    func rounds(_ count: Int) -> String { count == 1 ? "one round" : "\(count) rounds" }

    func progress(_ text: String) {
        let time = ContinuousClock.now - Self.start
        FileHandle.standardError.write(Data("[\(Int(time.inSeconds)) s] \(text)\n".utf8))
    }

    private static let start = ContinuousClock.now

    // MARK: Servers

    func bareServer() async throws -> ServerProcess {
        try await ServerProcess.start(programs.appendingPathComponent("BareEcho").path, [], in: folder)
    }

    /// - Parameter subjects: What servers in production have: `principals`, `metrics`, `log`. Defaults to none of these.
    func server(_ storage: String, _ subjects: [String] = []) async throws -> ServerProcess {
        try await ServerProcess.start(
            programs.appendingPathComponent("BenchServer").path, [storage, "0"] + subjects, in: folder)
    }

    /// Starts the Python SDK's server, or returns `nil` if the SDK is not installed.
    func sdkServer(_ store: String) async throws -> ServerProcess? {
        guard let python else { return nil }
        return try await ServerProcess.start(python, [pythonServer, store], in: folder)
    }

    static let withoutPython = """
        The Python SDK is left out: there is no Python with `venv` (3.11 or newer) on this machine, or it could not be \
        installed.
        """
}
