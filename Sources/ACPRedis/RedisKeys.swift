// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage

/// The names of all keys and channels.
struct RedisKeys: Sendable, Hashable {
    let prefix: String
    /// Whether ids of runs and sessions are in braces, so that all keys of one run, and all keys of one session, share
    /// a slot of a Redis Cluster.
    let hashTags: Bool
    /// On a cluster, the same names with those of the indexes of each bucket: see ``IndexBuckets``. Empty on one server
    /// and in the names of a bucket.
    let buckets: [RedisKeys]
    /// The hash tag of the bucket whose indexes are named, in braces. `nil` on one server; on a cluster, the indexes
    /// without one are those that versions before buckets wrote.
    private let bucketTag: String?
    /// Indexes that nearly every commit uses: all runs, those that may have expired, and the unfinished ones by status.
    let runs: String
    let runsExpiry: String
    private let unfinished: [RunStatus: String]

    init(prefix: String, hashTags: Bool) {
        self.init(
            prefix: prefix, hashTags: hashTags, bucketTag: nil,
            buckets: hashTags
                ? IndexBuckets.tags.map {
                    RedisKeys(prefix: prefix, hashTags: true, bucketTag: "{\($0)}", buckets: [])
                } : [])
    }

    private init(prefix: String, hashTags: Bool, bucketTag: String?, buckets: [RedisKeys]) {
        self.prefix = prefix
        self.hashTags = hashTags
        self.bucketTag = bucketTag
        self.buckets = buckets
        let suffix = bucketTag.map { ":\($0)" } ?? ""
        runs = prefix + Kind.runs.rawValue + suffix
        runsExpiry = prefix + Kind.runsExpiry.rawValue + suffix
        unfinished = Dictionary(
            uniqueKeysWithValues: RunStatus.allCases.map {
                ($0, "\(prefix)\(Kind.unfinishedRuns.rawValue)\(suffix):\($0.rawValue)")
            })
    }

    /// Returns the names with those of the indexes that contain a run.
    func bucket(of run: RunID) -> RedisKeys { buckets.isEmpty ? self : buckets[IndexBuckets.number(of: run)] }

    /// The names of the indexes of each bucket: on one server, only these.
    var allBuckets: [RedisKeys] { buckets.isEmpty ? [self] : buckets }

    /// The kinds of keys, by the word after the prefix.
    enum Kind: String, CaseIterable, Sendable {
        case run, events, input, owner, signals, contents, deleted
        case session
        case sessionHistory = "session_history"
        case sessionBlocks = "session_blocks"
        case sessionContents = "session_contents"
        case sessionQueue = "session_queue"
        case runs
        case agentRuns = "agent_runs"
        case sessionRuns = "session_runs"
        case statusRuns = "status_runs"
        case unfinishedRuns = "unfinished_runs"
        case processRuns = "process_runs"
        case runsExpiry = "runs_expiry"
        case process, processes
        case principalRuns = "principal_runs"
        case principalAgentRuns = "principal_agent_runs"
        case principalSessionRuns = "principal_session_runs"
        case principalUnfinishedRuns = "principal_unfinished_runs"
        case principalStatusRuns = "principal_status_runs"
        case principalRunsExpiry = "principal_runs_expiry"
    }

    private func key(_ kind: Kind) -> String { prefix + kind.rawValue }
    private func key(_ kind: Kind, tagged id: String) -> String { key(kind, hashTags ? "{\(id)}" : id) }

    func key(_ kind: Kind, _ name: String) -> String {
        let word = kind.rawValue
        var key = prefix
        // A commit uses a dozen keys, so each is created with one allocation.
        key.reserveCapacity(prefix.utf8.count + word.utf8.count + 1 + name.utf8.count)
        key += word
        key += ":"
        key += name
        return key
    }

    /// Returns the name of an index.
    func indexKey(_ kind: Kind, _ name: String) -> String {
        guard let bucketTag else { return key(kind, name) }
        return key(kind, "\(bucketTag):\(name)")
    }

    // MARK: A run

    func run(_ id: RunID) -> String { key(.run, tagged: id.rawValue) }
    func events(_ id: RunID) -> String { key(.events, tagged: id.rawValue) }
    func owner(_ id: RunID) -> String { key(.owner, tagged: id.rawValue) }
    func input(_ id: RunID) -> String { key(.input, tagged: id.rawValue) }
    func signals(_ id: RunID) -> String { key(.signals, tagged: id.rawValue) }

    func contents(_ id: RunID) -> String { key(.contents, tagged: id.rawValue) }
    func deleted(_ id: RunID) -> String { key(.deleted, tagged: id.rawValue) }

    /// All keys of a run, as scripts expect them.
    func allOfRun(_ id: RunID) -> ScriptValues<RunKey, String> {
        [
            .run: run(id), .events: events(id), .owner: owner(id), .input: input(id), .signals: signals(id),
            .contents: contents(id), .deleted: deleted(id),
        ]
    }

    /// The channel to which commits to a run are published.
    func changes(_ id: RunID) -> String { "\(prefix)changes:" + (hashTags ? "{\(id)}" : id.rawValue) }

    // MARK: A session

    func session(_ id: SessionID) -> String { key(.session, tagged: id.rawValue) }
    func history(_ id: SessionID) -> String { key(.sessionHistory, tagged: id.rawValue) }
    func blocks(_ id: SessionID) -> String { key(.sessionBlocks, tagged: id.rawValue) }
    func contents(_ id: SessionID) -> String { key(.sessionContents, tagged: id.rawValue) }
    /// All keys of a session, as scripts expect them.
    func allOfSession(_ id: SessionID) -> ScriptValues<SessionKey, String> {
        [.session: session(id), .history: history(id), .blocks: blocks(id), .contents: contents(id)]
    }

    /// The queue of the runs of a session that are executed one after the other.
    func queue(_ id: SessionID) -> String { key(.sessionQueue, tagged: id.rawValue) }

    // MARK: Indexes

    func agentRuns(_ agent: AgentName) -> String { indexKey(.agentRuns, agent.rawValue) }
    func sessionRuns(_ session: SessionID) -> String { indexKey(.sessionRuns, session.rawValue) }
    func unfinishedRuns(_ status: RunStatus) -> String {
        unfinished[status] ?? indexKey(.unfinishedRuns, status.rawValue)
    }
    /// The runs of an agent in a status, by the time of its last change.
    func statusRuns(_ agent: AgentName, _ status: DetailedRunStatus) -> String {
        indexKey(.statusRuns, "\(agent):\(status.rawValue)")
    }
    func processRuns(_ process: ProcessID) -> String { indexKey(.processRuns, process.rawValue) }

    static let unfinishedStatuses = RunStatus.allCases.filter { !$0.isTerminal }
    var allUnfinished: [String] { Self.unfinishedStatuses.map(unfinishedRuns) }

    /// All statuses, those first in which most runs are.
    static let statuses: [DetailedRunStatus] =
        [.completed, .failed, .cancelled, .rejected]
        + DetailedRunStatus.allCases.filter { ![.completed, .failed, .cancelled, .rejected].contains($0) }
    /// The indexes of ``statuses``, in this order.
    func allStatusRuns(_ agent: AgentName) -> [String] { Self.statuses.map { statusRuns(agent, $0) } }

    /// Returns the index that a query reads, or `nil` if the query finds nothing in any case: runs that have ended are
    /// not listed by status.
    func index(for filter: RunQuery.Filter) -> String? {
        switch filter {
        case .all: runs
        case .agent(let agent): agentRuns(agent)
        case .session(let session): sessionRuns(session)
        case .unfinished(let status): status.isTerminal ? nil : unfinishedRuns(status)
        }
    }

    // MARK: Processes

    func process(_ id: ProcessID) -> String { key(.process, id.rawValue) }
    var processes: String { key(.processes) }
    /// The channel on which signals to the runs of a process are announced.
    func announcements(_ id: ProcessID) -> String { announcementsPrefix + id.rawValue }
    var announcementsPrefix: String { prefix + "process_signals:" }

    /// A channel like those of runs, without subscribers.
    var unusedChannel: String { changes(Self.sampleRun) }

    private static let sampleRun = RunID(uuid: [UInt8](repeating: 0, count: 16))

    /// One key of each kind that the commit of a run without a principal uses. Their names only matter for a user who may not use all keys.
    func samples(_ process: ProcessID) -> [String] {
        let (run, session) = (Self.sampleRun, SessionID(rawValue: Self.sampleRun.rawValue) ?? SessionID())
        let lists = bucket(of: run)
        return allOfRun(run).values + allOfSession(session).values + lists.allUnfinished
            + [queue(session), lists.runs, lists.runsExpiry, lists.agentRuns("sample"), lists.sessionRuns(session)]
            + [lists.processRuns(process), lists.statusRuns("sample", .created)]
    }

    // MARK: Documents

    /// Returns where a document is stored, for error messages.
    func name(of document: StoredDocument) -> String {
        switch document {
        case .run(let run): "the key \(self.run(run))"
        case .input(let run): "the key \(input(run))"
        case .session(let session): "the key \(self.session(session))"
        case .historyEntry(let session, let index): "element \(index) of the key \(history(session))"
        }
    }

    // MARK: All keys

    /// The pattern with which SCAN finds every key of this prefix, whatever characters it contains.
    var pattern: String { Self.escaped(prefix) + "*" }

    /// Returns a glob pattern that matches only this text.
    static func escaped(_ text: String) -> String {
        var pattern = ""
        for character in text.unicodeScalars {
            if "*?[]^\\".unicodeScalars.contains(character) { pattern += "\\" }
            pattern.unicodeScalars.append(character)
        }
        return pattern
    }

    /// Returns the kind of a key, or `nil` if it does not belong to this storage: another one may use a longer prefix
    /// that begins with this one.
    func kind(of key: String) -> Kind? {
        guard key.utf8.starts(with: prefix.utf8) else { return nil }
        let rest = key.utf8.dropFirst(prefix.utf8.count)
        let word = rest.prefix { $0 != UInt8(ascii: ":") }
        guard let kind = Kind(rawValue: String(decoding: word, as: UTF8.self)) else { return nil }
        let isSingle = kind == .runs || kind == .runsExpiry || kind == .processes
        if isSingle == (word.endIndex == rest.endIndex) { return kind }
        return buckets.contains { key == $0.runs || key == $0.runsExpiry } ? kind : nil
    }
}
