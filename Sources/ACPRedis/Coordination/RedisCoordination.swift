// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Logging
import Redis

/// Coordination of processes by keys that expire and by pub/sub.
///
/// Published messages only notify. Where a message may have been missed (a reconnect), readers are notified as well,
/// and find in the storage what they missed.
final class RedisCoordination: Coordination {
    /// The message to a process when another one has left.
    private static let departure = "departure"

    private let executor: RedisExecutor
    private let keys: RedisKeys
    private let timeToLive: Duration
    private let subscriptionTasks = SubscriptionTasks()
    private let eviction: EvictionCheck
    private let logger: Logger

    init(executor: RedisExecutor, keys: RedisKeys, timeToLive: Duration, eviction: EvictionCheck, logger: Logger) {
        self.executor = executor
        self.keys = keys
        self.timeToLive = timeToLive
        self.eviction = eviction
        self.logger = logger
    }

    // MARK: Processes

    /// Renews a heartbeat. Fails where no run can be created: where the server accepts no writes, has no memory left,
    /// or where the user lacks a right that commits need. On a cluster, that is checked on the two masters that it is
    /// written to.
    func heartbeat(of process: ProcessID, timeToLive: Duration) async throws {
        let lifetime = max(1, timeToLive.wholeMilliseconds)
        let arguments: ScriptValues<HeartbeatArgument, RedisArgument> = [
            .process: .text(process.rawValue), .lifetime: .number(lifetime),
            .setLifetime: .number(self.timeToLive.wholeMilliseconds), .channel: .text(keys.unusedChannel),
        ]
        let samples = keys.samples(process).map { RedisArgument.text($0) }
        let task = RedisTask.writing("The heartbeat of process \(process)", at: keys.process(process))
        func request<Key>(
            _ script: PublishingScript<Key, HeartbeatArgument, NoNames>, _ keys: ScriptValues<Key, String>
        ) -> RedisRequest {
            var request = RedisRequest.script(
                script.publishing(by: executor.publishCommand), keys: keys, arguments, capacity: samples.count,
                isIdempotent: true)
            request.append(samples)
            return request
        }
        if executor.isCluster {
            // Two slots. The second one determines which processes are live.
            _ = try await executor.sendEach(
                [
                    request(RedisScripts.recordProcess, [.process: keys.process(process)]),
                    request(RedisScripts.announceProcess, [.processes: keys.processes]),
                ], task)
        } else {
            let names: ScriptValues<HeartbeatKey, String> = [
                .process: keys.process(process), .processes: keys.processes,
            ]
            _ = try await executor.send(request(RedisScripts.heartbeat, names), task)
        }
        await eviction.perform()
    }

    func liveProcesses() async throws -> Set<ProcessID> { try await processes(areExpired: false) }

    func lostProcesses() async throws -> Set<ProcessID> { try await processes(areExpired: true) }

    private func processes(areExpired: Bool) async throws -> Set<ProcessID> {
        let reply = try await executor.send(
            .script(
                RedisScripts.listProcesses, keys: [.processes: keys.processes], [.areExpired: .flag(areExpired)],
                isIdempotent: true),
            .reading("the processes", at: keys.processes))
        return Set((reply.array ?? []).compactMap(\.string).map(ProcessID.init(rawValue:)))
    }

    func leave(_ process: ProcessID) async throws {
        let task = RedisTask.writing("Leaving as process \(process)", at: keys.processes)
        let reply = try await executor.send(
            .script(
                RedisScripts.leave.publishing(by: executor.publishCommand), keys: [.processes: keys.processes],
                [
                    .process: .text(process.rawValue), .setLifetime: .number(timeToLive.wholeMilliseconds),
                    .channel: .text(keys.announcements(process)),
                ], isIdempotent: true), task)
        let others = (reply.array ?? []).compactMap(\.string).map(ProcessID.init(rawValue:))
        _ = try await executor.sendEach(
            [RedisRequest("UNLINK", [.text(keys.process(process))], isIdempotent: true)]
                + others.map { announcement(Self.departure, to: $0) }, task)
    }

    func forget(_ process: ProcessID) async throws {
        _ = try await executor.send(
            .script(
                RedisScripts.forgetProcess, keys: [.processes: keys.processes], [.process: .text(process.rawValue)],
                isIdempotent: true),
            .writing("Forgetting process \(process)", at: keys.processes))
    }

    // MARK: Turns

    func enqueue(_ run: RunID, in session: SessionID) async throws -> RunID {
        let task = RedisTask.writing("Queueing run \(run) in session \(session)", at: keys.queue(session))
        let reply = try await executor.send(turn(RedisScripts.enqueue, run, session), task)
        guard let first = reply.string.flatMap(RunID.init(rawValue:)) else {
            throw task.corrupt("its first element is not a run id")
        }
        return first
    }

    @discardableResult
    func dequeue(_ run: RunID, from session: SessionID) async throws -> RunID? {
        let task = RedisTask.writing(
            "Taking run \(run) out of the queue of session \(session)", at: keys.queue(session))
        let reply = try await executor.send(turn(RedisScripts.dequeue, run, session), task)
        return reply.string.flatMap(RunID.init(rawValue:))
    }

    private func turn(
        _ script: Script<QueueKey, QueueArgument, NoNames>, _ run: RunID, _ session: SessionID
    ) -> RedisRequest {
        .script(
            script, keys: [.queue: keys.queue(session)],
            [.run: .text(run.rawValue), .ttl: .number(timeToLive.wholeMilliseconds)], isIdempotent: true)
    }

    // MARK: Signals

    @discardableResult
    func send(_ signal: EncodedSignal, to run: RunID) async throws -> Bool {
        let task = RedisTask.writing("Sending a signal to run \(run)", at: keys.signals(run))
        // Not repeated automatically: the second attempt would report that the signal existed before.
        let reply = try await executor.send(
            .script(
                RedisScripts.send.publishing(by: executor.publishCommand),
                keys: [.signals: keys.signals(run), .owner: keys.owner(run)],
                [
                    .field: .text(signal.key), .signal: .bytes(signal.document.json),
                    .ttl: .number(timeToLive.wholeMilliseconds), .channelPrefix: .text(keys.announcementsPrefix),
                    .run: .text(run.rawValue), .isAnnounced: .flag(!executor.isCluster),
                ], isIdempotent: false), task)
        guard let parts = reply.array, parts.count == 2 else {
            throw task.corrupt("the script's reply is not the expected one")
        }
        if executor.isCluster, let owner = parts[1].string.flatMap(RunOwner.init(stored:)) {
            try await announce(run.rawValue, to: owner.process)
        }
        return parts[0].int == 1
    }

    /// Announces something to a process. On a cluster, the process's channel is on another server than the run, so a
    /// signal is announced in a second step: also a signal that existed before, since its sender may have ended before
    /// announcing it. A process that is notified twice finds nothing new.
    private func announce(_ what: String, to process: ProcessID) async throws(StorageError) {
        let channel = keys.announcements(process)
        _ = try await executor.send(
            announcement(what, to: process), .writing("Announcing something to process \(process)", at: channel))
    }

    private func announcement(_ what: String, to process: ProcessID) -> RedisRequest {
        RedisRequest(
            executor.publishCommand.rawValue, [.text(keys.announcements(process)), .text(what)],
            isIdempotent: true)
    }

    func storedSignals(to run: RunID) async throws -> [Encoded<RunSignal>] {
        let task = RedisTask.reading("the signals to run \(run)", at: keys.signals(run))
        let reply = try await executor.send(.read("HGETALL", .text(keys.signals(run))), task)
        return (reply.pairs ?? []).map { Encoded(json: $0.value.bytes ?? []) }
    }

    func signalName(of run: RunID) -> String { "a field of the key \(keys.signals(run))" }

    func forgetSignals(to run: RunID) async throws {
        _ = try await executor.send(
            RedisRequest("UNLINK", [.text(keys.signals(run))], isIdempotent: true),
            .writing("Forgetting the signals to run \(run)", at: keys.signals(run)))
    }

    // MARK: Streams

    func announcements(to process: ProcessID) async throws -> AsyncStream<SignalAnnouncement> {
        try await stream(of: keys.announcements(process), AsyncStream.makeAnnouncements()) { event, stream in
            let announcement: SignalAnnouncement =
                switch event {
                case .gap: .gap
                case .message(let message) where message.text == Self.departure: .departure
                // A message that is not a run id was not sent by a storage. Checking all runs is always correct.
                case .message(let message): RunID(rawValue: message.text).map { .signal($0) } ?? .gap
                }
            stream.announce(announcement)
        }
    }

    func changes(of run: RunID) async throws -> AsyncStream<Void> {
        try await stream(of: keys.changes(run), AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))) {
            _, stream in stream.yield()
        }
    }

    private func stream<Element: Sendable>(
        of channel: String, _ made: (AsyncStream<Element>, AsyncStream<Element>.Continuation),
        _ pass: @escaping @Sendable (RedisSubscriptionEvent, AsyncStream<Element>.Continuation) -> Void
    ) async throws -> AsyncStream<Element> {
        try executor.checkOpen()
        let events: any AsyncSequence<RedisSubscriptionEvent, any Error> & Sendable
        do {
            events =
                executor.isCluster
                ? try await executor.client.shardEvents(on: channel) : try await executor.client.events(on: channel)
        } catch {
            try executor.checkOpen()
            throw RedisTask.reading("what is published", at: channel)
                .failed(error, runsScript: false, pattern: executor.pattern)
        }
        let (stream, continuation) = made
        let task = subscriptionTasks.start { [logger] in
            do {
                for try await event in events { pass(event, continuation) }
            } catch {
                logger.warning(
                    "A Redis subscription ended", metadata: ["channel": "\(channel)", "error": "\(error)"])
            }
            continuation.finish()
        }
        guard let task else {
            throw StorageError(.closed, "the Redis storage was closed")
        }
        continuation.onTermination = { _ in task.cancel() }
        return stream
    }

    // MARK: End

    func stop() { subscriptionTasks.stop() }
    func end() async { await subscriptionTasks.end() }
}
