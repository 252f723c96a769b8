// SPDX-License-Identifier: Apache-2.0

import ACPStorage
import CLibPQ

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The parameters of libpq's connections: the caller's, and this storage's defaults for the others.
struct ConnectionParameters: Sendable {
    /// Names and values, of which later ones take precedence.
    let entries: [(name: String, value: String)]
    /// The server and the database, for messages. Contains no secret.
    let location: String
    /// Whether statements are prepared.
    let preparesStatements: Bool

    /// - Throws: `StorageError` with code `invalidConfiguration` if libpq cannot read the URL.
    init(_ configuration: PostgresStorage.Configuration) throws(StorageError) {
        let url = try PostgresURL(configuration.url)
        preparesStatements = url.preparesStatements ?? configuration.preparesStatements
        var message: UnsafeMutablePointer<CChar>?
        guard !url.text.utf8.contains(0), let options = PQconninfoParse(url.text, &message) else {
            // libpq's message may quote the URL, which may contain a password.
            if let message { PQfreemem(message) }
            throw StorageError(
                .invalidConfiguration,
                "the PostgreSQL URL cannot be read: write postgresql://user:password@host:port/database, with special "
                    + "characters in its parts percent-encoded, and libpq's parameters behind a ?")
        }
        defer { PQconninfoFree(options) }
        var given: [(name: String, value: String)] = []
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { given.append((String(cString: keyword), String(cString: value))) }
            option += 1
        }
        func value(_ name: String) -> String? { given.last { $0.name == name }?.value }
        // libpq would report it with its value, which may be a part of a password.
        guard value("port")?.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ",") }) ?? true else {
            throw StorageError(
                .invalidConfiguration,
                "the port in the PostgreSQL URL is not a number (special characters in a password must be percent-encoded)"
            )
        }

        var defaults = [
            ("connect_timeout", "\(configuration.connectTimeout.wholeMilliseconds / 1_000)"),
            ("application_name", "simple-acp"),
            // A server that disappeared silently is detected within half a minute.
            ("keepalives_idle", "15"), ("keepalives_interval", "5"), ("keepalives_count", "3"),
            ("tcp_user_timeout", "30000"),
        ]
        defaults.removeAll { name, _ in value(name) != nil }
        var settings: [String] = []
        let sendsOptions = url.sendsStartupOptions ?? configuration.sendsStartupOptions
        if sendsOptions { settings.append("-c default_transaction_isolation=read\\ committed") }
        if sendsOptions, let limit = configuration.statementTimeout {
            settings.append("-c statement_timeout=\(limit.wholeMilliseconds)")
        }
        // The caller's options follow this storage's, and take precedence.
        if let own = value("options") { settings.append(own) }
        if !settings.isEmpty { defaults.append(("options", settings.joined(separator: " "))) }
        entries = given + defaults.map { (name: $0, value: $1) } + [("client_encoding", "UTF8")]
        let host = value("host") ?? value("hostaddr") ?? "libpq's default host"
        let place = host + (value("port").map { ":\($0)" } ?? "") + (value("dbname").map { "/\($0)" } ?? "")
        // With an @ that should be escaped, the host and the database are parts of a password.
        location = place.contains("@") ? "PostgreSQL" : "PostgreSQL at \(place)"
    }

    /// Connects. Blocks until that has succeeded or failed.
    func connect() -> Result<RawConnection, PostgresError> {
        let names = entries.map { strdup($0.name) }
        let values = entries.map { strdup($0.value) }
        defer { for string in names + values { free(string) } }
        var keywordPointers = names.map { UnsafePointer<CChar>($0) } + [nil]
        var valuePointers = values.map { UnsafePointer<CChar>($0) } + [nil]
        guard let connection = PQconnectdbParams(&keywordPointers, &valuePointers, 0) else {
            return .failure(PostgresError(.connectFailed, "not enough memory for a connection"))
        }
        guard PQstatus(connection) == CONNECTION_OK else {
            let message = libpqMessage(connection)
            PQfinish(connection)
            return .failure(PostgresError(.connectFailed, message))
        }
        // libpq would print notices to the standard error.
        _ = PQsetNoticeReceiver(connection, { _, _ in }, nil)
        guard PQsetnonblocking(connection, 1) == 0, PQenterPipelineMode(connection) == 1 else {
            let message = libpqMessage(connection)
            PQfinish(connection)
            return .failure(PostgresError(.connectFailed, message))
        }
        return .success(RawConnection(pointer: connection))
    }
}

/// A connection that is passed from the thread that made it to the one that uses it.
///
/// `@unchecked Sendable` because of libpq's pointer, which only one thread uses at a time.
struct RawConnection: @unchecked Sendable {
    let pointer: OpaquePointer
}

func libpqMessage(_ connection: OpaquePointer) -> String {
    String(cString: PQerrorMessage(connection)).split(whereSeparator: \.isNewline)
        .map { String($0.trimmingPrefix(while: \.isWhitespace)) }.joined(separator: "; ")
}

extension Duration {
    /// The duration in milliseconds, rounded up.
    var wholeMilliseconds: Int {
        let (seconds, attoseconds) = components
        guard abs(seconds) < 1 << 40 else { return seconds > 0 ? 1 << 50 : 0 }
        return Int(seconds) * 1_000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
