// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import ACPTestSupport
import Redis
import Synchronization

@testable import ACPRedis

/// Makes random commits, appends and saves, and checks that the keys and arguments of every script are those that it
/// declares: what a script reads by position must be what the storage has sent there.
func checkScripts(_ input: [UInt8]) async throws {
    var bytes = FuzzBytes(input)
    let client = RequestRecorder(isCluster: bytes.bool())
    let storage = try RedisStorage(client: client, prefix: "fuzz:")
    var run = Run(
        id: RunID(rawValue: bytes.text()) ?? "run", agentName: AgentName(rawValue: bytes.text()) ?? "agent",
        sessionID: SessionID(rawValue: bytes.text()), createdAt: Timestamp(microseconds: 1_700_000_000_000_000),
        principal: PrincipalID(rawValue: bytes.text()))
    let owner = RunOwner(process: ProcessID(rawValue: bytes.text()), token: "token")
    var count = 0
    for _ in 0..<(1 + bytes.number(below: 4)) {
        let events = try (0..<bytes.number(below: 4)).map { _ in
            try EncodedEvent(.messagePart(.text(bytes.text())))
        }
        run.status = RunStatus.allCases[bytes.number(below: RunStatus.allCases.count)]
        let stored = contents(&bytes)
        let hasSnapshot = count == 0 || bytes.bool()
        var commit = RunCommit(
            run: run.id, expecting: count, events: events,
            snapshot: hasSnapshot ? try RunSnapshot(run, eventCount: count + events.count) : nil, owner: owner,
            input: bytes.bool() ? try Encoded([Message(bytes.text())], as: "the input") : nil, contents: stored)
        if bytes.bool(), let session = run.sessionID {
            let entries = try (0..<bytes.number(below: 3)).map { _ in
                try Encoded(HistoryEntry.link("https://example.com/\(bytes.number(below: 10))"), as: "the link")
            }
            commit.history = HistoryAppend(
                HistoryBlock(key: bytes.text(), encoded: entries, contents: contents(&bytes)), to: session)
        }
        if bytes.bool() { commit.unansweredQuestion = bytes.number(below: 9) }
        // The recorder accepts everything; a storage may still refuse an invalid commit.
        try? await storage.commit(commit)
        try checkCommit(commit, client.take(), isCluster: client.isCluster)
        count += events.count
        if bytes.bool() {
            try? await storage.append(try EncodedEvent(.messagePart(.text("more"))), to: run.id)
            count += 1
        }
        if bytes.bool() { try? await storage.save(run) }
        try client.take().forEach { try checkRequest($0, isCluster: client.isCluster) }
    }
    await storage.close()
}

private func contents(_ bytes: inout FuzzBytes) -> [StoredContent] {
    (0..<bytes.number(below: 3)).map { _ in
        let byte = UInt8(bytes.number(below: 256))
        return StoredContent(
            digest: ContentDigest(hash: Array(repeating: byte, count: 32)), bytes: Array(bytes.text().utf8))
    }
}

// MARK: - Properties

/// What every script is sent.
private func checkRequest(_ request: RedisRequest, isCluster: Bool) throws {
    guard request.command.name == "EVALSHA" else { return }
    let words = request.words.map { String(decoding: $0.bytes, as: UTF8.self) }
    try demand(words.count >= 3 && words[1] == request.script?.sha1, "the digest is not that of the script")
    guard let keyCount = Int(words[2]), (1...(words.count - 3)).contains(keyCount) else {
        throw PropertyViolation("the number of keys is \(words[2]), with \(words.count - 3) keys and arguments")
    }
    let keys = words[3..<(3 + keyCount)]
    try demand(keys.allSatisfy { $0.hasPrefix("fuzz:") }, "not all keys have the prefix: \(keys)")
    if isCluster {
        let tags = Set(keys.map { hashTag(of: $0) })
        try demand(tags.count == 1, "the keys may be in several slots: \(keys)")
    }
    for command in [PublishCommand.publish, .shardPublish] {
        let fixed = ChangeArgument.count
        if request.script?.sha1 == RedisScripts.append.publishing(by: command).script.sha1 {
            try checkChanges(words, keyCount, named: RunKey.count, before: AppendArgument.count)
            try demand(words.count == 3 + keyCount + AppendArgument.count + fixed, "append has other arguments")
        }
        if request.script?.sha1 == RedisScripts.save.publishing(by: command).script.sha1 {
            try checkChanges(words, keyCount, named: RunKey.count, before: SaveArgument.count)
        }
        if request.script?.sha1 == RedisScripts.canCommit.publishing(by: command).script.sha1 {
            try demand(keyCount == RunKey.count, "canCommit has other keys")
            try demand(words.count == 3 + keyCount + CanCommitArgument.count, "canCommit has other arguments")
        }
    }
}

/// Returns the part of a key that determines its slot on a cluster.
private func hashTag(of key: String) -> Substring {
    guard let start = key.firstIndex(of: "{") else { return key[...] }
    let tag = key[key.index(after: start)...].prefix { $0 != "}" }
    return tag.isEmpty || tag.endIndex == key.endIndex ? key[...] : tag
}

/// The codes of index changes are as many as the keys after the named ones.
private func checkChanges(_ words: [String], _ keyCount: Int, named: Int, before arguments: Int) throws {
    let first = 3 + keyCount + arguments
    try demand(words.count >= first + ChangeArgument.count, "the arguments of index changes are missing")
    let (kinds, members) = (words[first], words[first + 1])
    try demand(kinds.count == keyCount - named, "\(kinds.count) changes of \(keyCount - named) keys")
    try demand(kinds.count == members.count, "\(kinds.count) changes of \(members.count) members")
    try demand(
        kinds.allSatisfy { IndexChange.Kind(rawValue: String($0)) != nil }
            && members.allSatisfy { IndexChange.Member(rawValue: String($0)) != nil }, "a code is unknown")
    try demand(Int(words[first + 2]) != nil && Int(words[first + 3]) != nil, "a score is no number")
}

/// The script of a commit finds its contents, its block of history and its events where it looks for them.
private func checkCommit(_ commit: RunCommit, _ requests: [RedisRequest], isCluster: Bool) throws {
    for request in requests { try checkRequest(request, isCluster: isCluster) }
    let digests = [PublishCommand.publish, .shardPublish].map { RedisScripts.commit.publishing(by: $0).script.sha1 }
    guard let request = requests.first(where: { digests.contains($0.script?.sha1 ?? "") }) else { return }
    let words = request.words.map { String(decoding: $0.bytes, as: UTF8.self) }
    guard let keyCount = Int(words[2]) else { throw PropertyViolation("no number of keys") }
    let first = 3 + keyCount
    func argument(_ name: CommitArgument) -> String {
        words[first + (CommitArgument.allCases.firstIndex(of: name) ?? 0)]
    }
    for name in CommitArgument.allCases where name.form == .number {
        try demand(Int(argument(name)).map { $0 >= 0 } == true, "\(name) is no number")
    }
    let history = isCluster ? nil : commit.history
    try checkChanges(
        words, keyCount, named: RunKey.count + (history == nil ? 0 : SessionKey.count), before: CommitArgument.count)
    guard let contentCount = Int(argument(.contentCount)), let historyCount = Int(argument(.historyCount)),
        let last = Int(argument(.lastProlonged))
    else { throw PropertyViolation("no number of contents") }
    try demand(contentCount == commit.contents.count, "another number of contents")
    try demand(Int(argument(.expecting)) == commit.expecting, "another number of events before the commit")
    try demand((1...RunKey.lastPart).contains(last), "a life is extended beyond the keys of the run")
    try demand(commit.contents.isEmpty || last == RunKey.contents.position, "the contents do not live as long")
    let more = first + CommitArgument.count + ChangeArgument.count
    try demand(
        words.count == more + 2 * contentCount + historyCount + commit.events.count, "another number of arguments")
    for (index, content) in commit.contents.enumerated() {
        try demand(words[more + 2 * index] == content.digest.rawValue, "a digest is elsewhere")
    }
    let block = more + 2 * contentCount
    if let history {
        try demand(words[block] == history.block.key, "the block is elsewhere")
        try demand(Int(words[block + 1]) == history.block.entries.count, "another number of entries")
        try demand(
            historyCount == BlockArgument.count + history.block.entries.count + 2 * history.block.contents.count,
            "the block has another size")
    } else {
        try demand(historyCount == 0, "there is a block")
    }
    for (event, word) in zip(commit.events, request.words.suffix(commit.events.count)) {
        try demand(event.json == word.bytes, "an event is elsewhere")
    }
    try demand(argument(.owner) == commit.owner.stored, "another owner")
    try demand(
        argument(.refusingSignals).split(separator: " ").map { String($0) } == commit.refusingSignals,
        "other signals that refuse the commit")
}

// MARK: - Recording

/// A client that records requests and accepts all of them.
private final class RequestRecorder: RedisStorageClient {
    let isCluster: Bool
    private let requests = Mutex<[RedisRequest]>([])

    init(isCluster: Bool) { self.isCluster = isCluster }

    func take() -> [RedisRequest] {
        requests.withLock { requests in
            defer { requests = [] }
            return requests
        }
    }

    func execute(_ requests: [RedisRequest]) async throws -> [Result<RESPValue, RedisError>] {
        self.requests.withLock { $0 += requests }
        return requests.map { _ in .success(.integer(1)) }
    }

    func events(
        on channel: String
    ) async throws -> any AsyncSequence<RedisSubscriptionEvent, any Error> & Sendable {
        throw RedisError(.closed, "nothing is published")
    }
}
