// SPDX-License-Identifier: Apache-2.0

import CLibPQ

/// One trip to the server.
struct Exchange: Sendable {
    /// Tells it from others on the same connection, so that no other one is cancelled in its place.
    var id = 0
    let batch: Batch
    let prepares: Bool
    /// When the connection is given up if the server has not answered.
    let deadline: ContinuousClock.Instant
    /// Called once, on the loop's thread.
    let finish: @Sendable (Result<[ResultSet], PostgresError>) -> Void
}

/// What a connection tells besides the ends of its exchanges. Called on the loop's thread.
struct ConnectionEvents: Sendable {
    let notification: @Sendable (_ payload: String) -> Void
    let lost: @Sendable (PostgresError) -> Void
}

/// A request to give up a statement.
///
/// Unchecked because of libpq's pointer, which is made for being used from another thread than its connection's.
struct CancelRequest: @unchecked Sendable {
    let pointer: OpaquePointer

    func perform() {
        var reason = [CChar](repeating: 0, count: 256)
        _ = PQcancel(pointer, &reason, 256)
        PQfreeCancel(pointer)
    }
}

/// One connection, as the loop's thread sees it: in pipeline mode, and never blocking.
final class Channel {
    private let connection: OpaquePointer
    private let events: ConnectionEvents
    /// The names of prepared statements by their SQL.
    private var prepared: [String: String] = [:]
    private var names = 0
    private var current: Current?
    /// While a request to cancel is on its way, it could hit the next exchange: that one waits, and so does the end of this one.
    private var isCancelling = false
    private var outcome: (Exchange, Result<[ResultSet], PostgresError>)?
    private(set) var wantsToWrite = false
    private(set) var isLost = false

    private enum Command {
        case prepare(String)
        case execute
        case endTransaction
    }

    private struct Current {
        let exchange: Exchange
        /// Those whose results are still to come, in order.
        var commands: ArraySlice<Command>
        var results: [ResultSet] = []
        /// What comes now belongs to what is done afterwards.
        var isFirstOver = false
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
                    // A name is not used twice: what was prepared in vain may be there under it.
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
        if let last = exchange.batch.afterwards, isSent {
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
        // All values stand one behind the other while libpq copies them; an empty one needs an address too.
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
        case 0: wantsToWrite = false
        case 1: wantsToWrite = true
        default: lose()
        }
    }

    // MARK: Receiving

    /// The socket has something to tell or to take.
    func step() {
        guard !isLost else { return }
        guard PQconsumeInput(connection) == 1 else { return lose() }
        if wantsToWrite { flush() }
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
            current?.isFirstOver = true
            if current?.commands.isEmpty == true { finish() }
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK:
            // A command that prepares has no rows that anybody wants.
            if case .execute = current?.commands.first, current?.isFirstOver == false { current?.results.append(set) }
        case PGRES_PIPELINE_ABORTED: forgetPrepared()
        default:
            forgetPrepared()
            if PQstatus(connection) != CONNECTION_OK { return lose() }
            guard current?.error == nil else { return }
            let state = PQresultErrorField(result, Self.sqlState).map { String(cString: $0) }
            let message = PQresultErrorField(result, Self.primaryMessage).map { String(cString: $0) }
            // What happened afterwards failed alone: the first transaction is there. Sending all of it again is what helps.
            let kind = current?.isFirstOver == true ? PostgresError.Code.unexpectedResponse : .serverError
            current?.error = PostgresError(kind, message ?? "the server reported an error", sqlState: state)
        }
    }

    private static let sqlState = Int32(UInt8(ascii: "C"))
    private static let primaryMessage = Int32(UInt8(ascii: "M"))

    /// A command that was to prepare a statement did not.
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

    func cancelIsOver() {
        isCancelling = false
        guard let (exchange, result) = outcome else { return }
        outcome = nil
        exchange.finish(result)
    }

    // MARK: Ending

    /// Gives the connection up if the server should have answered by now.
    func expire(_ now: ContinuousClock.Instant) {
        guard let deadline, deadline <= now else { return }
        end(PostgresError(.timedOut, "the server did not answer in time"))
    }

    private func lose() {
        end(PostgresError(.connectionLost, "the connection was lost: \(libpqMessage(connection))"))
    }

    func end(_ error: PostgresError) {
        guard !isLost else { return }
        isLost = true
        PQfinish(connection)
        if let (exchange, result) = outcome { exchange.finish(result) }
        // What the server said last tells more than that it hung up then.
        current?.exchange.finish(.failure(current?.error ?? error))
        current = nil
        outcome = nil
        events.lost(error)
    }
}
