// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import Synchronization

/// The tokens in a file, which are read again when the file changes.
///
/// The file is checked by the requests themselves, at most once per interval, so that this works in every application and
/// needs no task of its own.
final class TokenFile: Sendable {
    private struct State {
        var table: TokenTable
        /// The stamp of the file from which the tokens were read, or which could not be read.
        var stamp: FileStamp
        var nextCheck: ContinuousClock.Instant
    }

    private let path: String
    private let interval: Duration
    private let logger: Logger
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state: Mutex<State>

    /// - Throws: ``ServerError`` with code `invalidToken`.
    init(
        _ path: String, interval: Duration, logger: Logger,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) throws(ServerError) {
        self.path = path
        self.interval = interval
        self.logger = logger
        self.now = now
        // Before the file is read, so that a change meanwhile is noticed.
        let stamp = FileStamp(path)
        state = Mutex(State(table: try Self.read(path), stamp: stamp, nextCheck: now() + interval))
    }

    /// The tokens as they are now.
    var table: TokenTable {
        let now = now()
        let (table, isDue) = state.withLock { state in
            guard now >= state.nextCheck else { return (state.table, false) }
            state.nextCheck = now + interval
            return (state.table, true)
        }
        return isDue ? reloaded() ?? table : table
    }

    /// - Returns: The new tokens, or `nil` if the file has not changed or cannot be used.
    private func reloaded() -> TokenTable? {
        let stamp = FileStamp(path)
        guard stamp != state.withLock(\.stamp) else { return nil }
        let table: TokenTable
        do throws(ServerError) {
            table = try Self.read(path, allowsNone: true)
        } catch {
            state.withLock { $0.stamp = stamp }
            logger.error(
                "the file of tokens could not be reloaded: the previous tokens remain valid",
                metadata: ["path": "\(path)", "reason": "\(error.message)"])
            return nil
        }
        state.withLock { ($0.stamp, $0.table) = (stamp, table) }
        if table.tokens.isEmpty {
            logger.warning("the file of tokens has become empty: no token is accepted", metadata: ["path": "\(path)"])
        } else {
            logger.notice(
                "the file of tokens was reloaded", metadata: ["path": "\(path)", "tokens": "\(table.tokens.count)"])
        }
        return table
    }

    private static func read(_ path: String, allowsNone: Bool = false) throws(ServerError) -> TokenTable {
        let (bytes, fault) = ConfigurationFile.read(path)
        guard let bytes else { throw .invalidTokens("\(path): \(fault)") }
        guard bytes.count <= 16 * 1_048_576 else { throw .invalidTokens("\(path) is larger than 16 MiB") }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .invalidTokens("\(path) is not a text in UTF-8")
        }
        return try TokenTable(parsing: text, of: path, allowsNone: allowsNone)
    }
}

extension Authentication {
    /// Allows requests with one of these tokens as `Authorization: Bearer …`, each of which stands for a principal.
    ///
    /// - Throws: ``ServerError`` with code `invalidToken` if there is no token, no client could send one of them, one has
    ///   no role, or two are equal.
    public static func tokens(_ tokens: [AccessToken]) throws(ServerError) -> Authentication {
        guard !tokens.isEmpty else { throw .invalidToken("no token is given") }
        let table = try TokenTable(tokens)
        return Authentication(isBearer: true, findsPrincipals: true) { table.outcome(of: $0) }
    }

    /// Allows requests with one of the tokens in a file as `Authorization: Bearer …`, each of which stands for a principal.
    ///
    /// Each line has a name, roles and a token, separated by spaces. The roles are one or several of `read`, `call` and
    /// `administer`, separated by commas. In place of the token, a line may have its SHA-256 hash: `sha256:` and 64
    /// hexadecimal digits. Several lines may have the same name. Empty lines and those that begin with `#` are ignored.
    ///
    /// ```
    /// # name       roles        token
    /// alice        call         6f1cfa2b0d3e4c58a7d9
    /// dashboard    read         sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
    /// ```
    ///
    /// The file is read again when it changes. If it cannot be used then, the previous tokens remain valid, and the reason
    /// is logged. A file without tokens is used: then no token is accepted.
    ///
    /// - Parameters:
    ///   - path: The path of the file.
    ///   - reloadInterval: How often the file is checked for changes, at the most. Defaults to 5 seconds.
    ///   - logger: Receives a message when the file was reloaded, or cannot be. Defaults to a logger labelled
    ///     `acp.tokens`.
    /// - Throws: ``ServerError`` with code `invalidToken` if the file cannot be read, is not valid or contains no token. Its
    ///   message names the line, and never contains a token.
    public static func tokens(
        file path: String, reloadInterval: Duration = .seconds(5), logger: Logger = Logger(label: "acp.tokens")
    ) throws(ServerError) -> Authentication {
        let file = try TokenFile(path, interval: reloadInterval, logger: logger)
        return Authentication(isBearer: true, findsPrincipals: true) { file.table.outcome(of: $0) }
    }

    /// Allows requests with one of the tokens in an environment variable as `Authorization: Bearer …`, each of which stands
    /// for a principal.
    ///
    /// The variable has the form of the file of ``tokens(file:reloadInterval:logger:)``, in which a semicolon ends a line
    /// as well: `alice call 6f1c…; dashboard read sha256:9d2e…`.
    ///
    /// - Parameter variable: The name of the variable.
    /// - Throws: ``ServerError`` with code `invalidToken` if the variable is not set or not valid. Its message never contains
    ///   a token.
    public static func tokens(environment variable: String) throws(ServerError) -> Authentication {
        guard let text = ProcessInfo.processInfo.environment[variable] else {
            throw .invalidTokens("the environment variable \(variable) is not set")
        }
        return try tokens(text: text, of: "the environment variable \(variable)")
    }

    /// Allows requests with one of the tokens in a text that has the form of an environment variable.
    ///
    /// - Parameter source: What the text is, for errors.
    package static func tokens(text: String, of source: String) throws(ServerError) -> Authentication {
        let table = try TokenTable(parsing: text, of: source, separatesBySemicolon: true)
        return Authentication(isBearer: true, findsPrincipals: true) { table.outcome(of: $0) }
    }
}
