// SPDX-License-Identifier: Apache-2.0

import CLibPQ

/// One round trip to the server.
struct Exchange: Sendable {
    /// Identifies the exchange among others on the same connection, so that no other one is cancelled instead.
    var id = 0
    let batch: Batch
    let prepares: Bool
    /// The time at which the connection is closed if the server has not responded.
    let deadline: ContinuousClock.Instant
    /// Called once, on the loop's thread.
    let finish: @Sendable (Result<[ResultSet], PostgresError>) -> Void
}

/// Callbacks for events of a connection other than the ends of its exchanges. Called on the loop's thread.
struct ConnectionEvents: Sendable {
    let notification: @Sendable (_ payload: String) -> Void
    let lost: @Sendable (PostgresError) -> Void
}

/// A request to cancel a statement.
///
/// `@unchecked Sendable` because of libpq's pointer, which may be used from another thread than its connection's.
struct CancelRequest: @unchecked Sendable {
    let pointer: OpaquePointer

    func perform() {
        var reason = [CChar](repeating: 0, count: 256)
        _ = PQcancel(pointer, &reason, 256)
        PQfreeCancel(pointer)
    }
}

/// A connection in pipeline mode, which never blocks. Used on the loop's thread only.
final class PostgresConnection {
    private let connection: OpaquePointer
    private let events: ConnectionEvents
    /// The names of prepared statements by their SQL.
    private var prepared: [String: String] = [:]
    private var names = 0
    private var current: Current?
    /// Whether a cancel request is being sent. It could hit the next exchange, so that one waits, and so does the end
    /// of this one.
    private var isCancelling = false
    private var outcome: (Exchange, Result<[ResultSet], PostgresError>)?
    private(set) var hasPendingOutput = false
    private(set) var isLost = false

    private enum Command {
        case prepare(String)
        case execute
        case endTransaction
    }

    private struct Current {
        let exchange: Exchange
        /// The commands whose results are still to come, in order.
        var commands: ArraySlice<Command>
        var results: [ResultSet] = []
        /// Whether the following results belong to the follow-up.
        var isTransactionEnded = false
        var error: PostgresError?
    }

    init(_ connection: RawConnection, _ events: ConnectionEvents) {
        self.connection = connection.pointer
        self.events = events
    }

    var socket: Int32 { PQsocket(connection) }
    var deadline: ContinuousClock.Instant? { current?.exchange.deadline }

    // MARK: Sending

    func send(_ exchange: Exchange) {
        guard current == nil, outcome == nil else {
            return exchange.finish(.failure(PostgresError(.unexpectedResponse, "the connection is in use")))
        }
        var commands: [Command] = []
        var isSent = true
        func send(_ statement: Statement) {
            guard isSent else { return }
            var name: String?
            if exchange.prepares {
                if let known = prepared[statement.sql] {
                    name = known
                } else {
                    // A name is not used twice: a failed preparation may have left a statement with that name.
                    names += 1
                    let new = "acp_\(names)"
                    isSent = PQsendPrepare(connection, new, statement.sql, 0, nil) == 1
                    commands.append(.prepare(statement.sql))
                    prepared[statement.sql] = new
                    name = new
                }
            }
            if isSent { isSent = execute(statement, name: name) }
            commands.append(.execute)
        }
        for statement in exchange.batch.transaction { send(statement) }
        if let last = exchange.batch.followUp, isSent {
            isSent = PQpipelineSync(connection) == 1
            commands.append(.endTransaction)
            send(last)
        }
        commands.append(.endTransaction)
        current = Current(exchange: exchange, commands: commands[...])
        guard isSent, PQpipelineSync(connection) == 1 else { return lose() }
        flush()
    }

    private func execute(_ statement: Statement, name: String?) -> Bool {
        let parameters = statement.parameters
        let lengths = parameters.map { Int32(clamping: $0.bytes?.count ?? 0) }
        let formats = [Int32](repeating: 1, count: parameters.count)
        // All values are consecutive in memory while libpq copies them; an empty one needs an address too.
        var all: [UInt8] = []
        all.reserveCapacity(parameters.reduce(1) { $0 + ($1.bytes?.count ?? 0) })
        for parameter in parameters { all += parameter.bytes ?? [] }
        all.append(0)
        return all.withUnsafeBytes { buffer in
            let start = buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            var offset = 0
            let values = parameters.map { parameter -> UnsafePointer<CChar>? in
                guard let bytes = parameter.bytes else { return nil }
                defer { offset += bytes.count }
                return start.map { $0 + offset }
            }
            let count = Int32(parameters.count)
            if let name {
                return PQsendQueryPrepared(connection, name, count, values, lengths, formats, 1) == 1
            }
            return PQsendQueryParams(connection, statement.sql, count, nil, values, lengths, formats, 1) == 1
        }
    }

    private func flush() {
        switch PQflush(connection) {
        case 0: hasPendingOutput = false
        case 1: hasPendingOutput = true
        default: lose()
        }
    }

    // MARK: Receiving

    /// Reads and writes on the socket, which is ready.
    func step() {
        guard !isLost else { return }
        guard PQconsumeInput(connection) == 1 else { return lose() }
        if hasPendingOutput { flush() }
        while !isLost, current != nil, PQisBusy(connection) == 0 { receive() }
        while !isLost, let notification = PQnotifies(connection) {
            events.notification(String(cString: notification.pointee.extra))
            PQfreemem(notification)
        }
        if !isLost, PQstatus(connection) != CONNECTION_OK { lose() }
    }

    private func receive() {
        guard let result = PQgetResult(connection) else {
            // The end of one command.
            if current?.commands.popFirst() == nil { lose() }
            return
        }
        let set = ResultSet(result)
        switch PQresultStatus(result) {
        case PGRES_PIPELINE_SYNC:
            _ = current?.commands.popFirst()
            current?.isTransactionEnded = true
            if current?.commands.isEmpty == true { finish() }
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK:
            // A command that prepares a statement returns no rows.
            if case .execute = current?.commands.first, current?.isTransactionEnded == false {
                current?.results.append(set)
            }
        case PGRES_PIPELINE_ABORTED: forgetPrepared()
        default:
            forgetPrepared()
            if PQstatus(connection) != CONNECTION_OK { return lose() }
            guard current?.error == nil else { return }
            let state = PQresultErrorField(result, Self.sqlState).map { String(cString: $0) }
            let message = PQresultErrorField(result, Self.primaryMessage).map { String(cString: $0) }
            // Only the follow-up failed: the first transaction is stored. Sending all of it again is safe.
            let kind = current?.isTransactionEnded == true ? PostgresError.Code.unexpectedResponse : .serverError
            current?.error = PostgresError(kind, message ?? "the server reported an error", sqlState: state)
        }
    }

    private static let sqlState = Int32(UInt8(ascii: "C"))
    private static let primaryMessage = Int32(UInt8(ascii: "M"))

    /// Forgets a statement whose preparation failed.
    private func forgetPrepared() {
        if case .prepare(let sql) = current?.commands.first { prepared[sql] = nil }
    }

    private func finish() {
        guard let ended = current else { return }
        current = nil
        let result: Result<[ResultSet], PostgresError> = ended.error.map { .failure($0) } ?? .success(ended.results)
        if isCancelling {
            outcome = (ended.exchange, result)
        } else {
            ended.exchange.finish(result)
        }
    }

    // MARK: Cancelling

    func cancelRequest(for exchange: Int) -> CancelRequest? {
        guard current?.exchange.id == exchange, !isCancelling, let request = PQgetCancel(connection) else { return nil }
        isCancelling = true
        return CancelRequest(pointer: request)
    }

    func cancelCompleted() {
        isCancelling = false
        guard let (exchange, result) = outcome else { return }
        outcome = nil
        exchange.finish(result)
    }

    // MARK: Ending

    /// Closes the connection if the server has not responded in time.
    func expire(_ now: ContinuousClock.Instant) {
        guard let deadline, deadline <= now else { return }
        end(PostgresError(.timedOut, "the server did not respond in time"))
    }

    private func lose() {
        end(PostgresError(.connectionLost, "the connection was lost: \(libpqMessage(connection))"))
    }

    func end(_ error: PostgresError) {
        guard !isLost else { return }
        isLost = true
        PQfinish(connection)
        if let (exchange, result) = outcome { exchange.finish(result) }
        // The server's last error is more informative than the loss of the connection.
        current?.exchange.finish(.failure(current?.error ?? error))
        current = nil
        outcome = nil
        events.lost(error)
    }
}
