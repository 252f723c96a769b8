// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// A commit as the statements that execute it.
struct PreparedCommit: Sendable {
    let run: RunID
    let statement: Statement
    /// The statement that precedes a commit which is refused once an answer is stored, in the same transaction.
    let check: Statement?
    /// Where the commit is in a transaction of several.
    let order: Order
    /// The size of the statement's values, in bytes.
    let byteCount: Int

    init(_ commit: RunCommit) {
        run = commit.run
        statement = Self.statement(for: commit)
        check = Self.answerCheck(of: commit)
        order = Order(commit)
        byteCount = statement.parameters.reduce(0) { $0 + ($1.bytes?.count ?? 0) }
    }

    /// The statement that notifies the run's watchers, after the commit.
    var notification: Statement { Statement("SELECT acp_notify('c', $1::text)", [.text(run.rawValue)]) }

    /// Returns the statement that notifies the watchers of several runs.
    static func notification(of runs: [RunID]) -> Statement {
        Statement("SELECT acp_notify('c', run) FROM unnest($1::text[]) AS run", [.textArray(runs.map(\.rawValue))])
    }

    /// Returns the statement of a commit. Its row has the outcome and the number of events.
    static func statement(for commit: RunCommit) -> Statement {
        let run = commit.snapshot?.run
        let types = """
            $1::text, $2::bigint, $3::bytea[], $4::text, $5::text, $6::bytea, $7::bigint, $8::text, $9::text, $10::text,
            $11::timestamptz, $12::boolean, $13::bytea, $14::text, $15::timestamptz, $16::text
            """
        let hasContents = !commit.contents.isEmpty
        let isLong = hasContents || commit.isRefusedAfterCancel
        let moreTypes = isLong ? ", $17::boolean" + (hasContents ? ", $18::text[], $19::bytea[]" : "") : ""
        let call = "acp_write_run(\(types)\(moreTypes))"
        // The last column is never evaluated. It makes the server check first whether the notification that follows is
        // allowed: when that is refused, the run is stored already.
        var columns = "outcome, event_count, CASE WHEN outcome IS NULL THEN acp_notify('c', $1::text)::text END"
        var parameters: [Parameter] = [
            .text(commit.run.rawValue), .int(commit.expecting), .byteArrays(commit.events.map(\.json)),
            .anyText(commit.owner.process.rawValue), .anyText(commit.owner.token),
            .bytes(commit.snapshot?.json), .int(commit.snapshot?.eventCount), .text(run?.agentName.rawValue),
            .text(run?.sessionID?.rawValue), .text(run?.status.rawValue), run.map { .time($0.createdAt) } ?? .null,
            .bool(run?.status.isTerminal ?? false), .bytes(commit.input?.json),
            .text(run?.detailedStatus.rawValue), run.map { .time($0.statusTimestamp) } ?? .null,
            .text(run?.principal?.rawValue),
        ]
        if isLong { parameters.append(.bool(commit.isRefusedAfterCancel)) }
        if hasContents { parameters += commit.contents.parameters }
        if let history = commit.history {
            let append = PostgresStorage.append(
                [history.block], to: history.session, parametersFrom: parameters.count + 1)
            // In the same statement, and therefore in the same transaction and round trip. A rejected commit appends
            // nothing.
            columns += ", CASE WHEN outcome = 'done' THEN \(append.call)::text END"
            parameters += append.parameters
        }
        return Statement("SELECT \(columns) FROM \(call)", parameters)
    }

    private static func answerCheck(of commit: RunCommit) -> Statement? {
        commit.unansweredQuestion.map { question in
            Statement(
                "SELECT acp_require_unanswered($1::text, $2::bigint, $3::text, $4::text, $5::text)",
                [
                    .text(commit.run.rawValue), .int(commit.expecting), .anyText(commit.owner.process.rawValue),
                    .anyText(commit.owner.token), .text(RunSignal.answerKey(question)),
                ])
        }
    }
}

extension PreparedCommit {
    /// The order of commits in a transaction, in which it takes the locks of rows, so that two transactions seldom wait
    /// for each other: if they do, `lock_timeout` ends one of them.
    ///
    /// First those that create runs, which lock the number of all runs. Then by agent and status, whose numbers they
    /// lock, by session, and by run.
    struct Order: Comparable {
        private let isLater: Bool
        private let keys: [String]

        init(_ commit: RunCommit) {
            let run = commit.snapshot?.run
            isLater = commit.expecting > 0
            keys = [
                run?.agentName.rawValue ?? "", run?.detailedStatus.rawValue ?? "",
                commit.history?.session.rawValue ?? "", commit.run.rawValue,
            ]
        }

        static func < (one: Order, other: Order) -> Bool {
            if one.isLater != other.isLater { return other.isLater }
            return one.keys.lexicographicallyPrecedes(other.keys)
        }
    }
}
