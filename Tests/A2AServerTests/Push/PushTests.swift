// SPDX-License-Identifier: Apache-2.0

import A2AClient
import A2ACore
import ACPCore
import ACPServer
import ACPStorage
import ACPTestSupport
import Crypto
import Foundation
import Logging
import NIOHTTP1
import Synchronization
import Testing

@testable import A2AServer
@testable import ACPRuntime

@Suite("Push notifications", .timeLimit(.minutes(5)))
struct PushTests {
    private static let fast = PushConfiguration(
        allowsPrivateAddresses: true, timeout: .seconds(60), connectTimeout: .seconds(30), maximumAttempts: 1_000_000,
        firstRetryDelay: .milliseconds(1), maximumRetryDelay: .milliseconds(4))

    private func serve(
        _ storage: any Storage = MemoryStorage(), _ configuration: PushConfiguration = fast,
        logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    ) throws -> PushService {
        let engine = RunEngine(storage: storage, logger: logger)
        try Self.addAgents(engine.agents)
        return PushService(engine: engine, configuration: configuration, logger: logger)
    }

    private static func addAgents(_ agents: AgentRegistry) throws {
        try agents.addAgent("asker", policy: AgentPolicy(recovery: .replay)) { context in
            try await context.yield("one ")
            try await context.yield("two")
            let answer = try await context.awaitMessage("?")
            try await context.yield(answer)
        }
    }

    private func config(
        _ task: RunID, _ id: A2A.PushConfigID = "a", _ url: String
    ) -> A2A.TaskPushNotificationConfig {
        A2A.TaskPushNotificationConfig(
            id: id, taskID: A2A.TaskID(rawValue: task.rawValue), url: url, token: "secret-token",
            authentication: A2A.AuthenticationInfo(scheme: "Bearer", credentials: "secret-credentials"))
    }

    private func startTask(_ engine: RunEngine) async throws -> RunID {
        try await engine.execute(RunRequest(agent: "asker", input: ["hi"])).id
    }

    /// Returns the ids and the bodies of what has to be delivered of a task that has ended.
    private func expected(_ run: RunID, in engine: RunEngine, from start: Int = 0) async throws -> [String] {
        for try await _ in engine.follow(run) {}
        var events = TaskEvents(of: run, in: try await engine.fetchRun(run).sessionID)
        var lines: [String] = []
        for (index, event) in try await engine.events(of: run).enumerated() {
            for element in try events.responses(to: event, at: index) where index >= start {
                lines.append("\(run)-\(index) \(String(decoding: try A2AJSON.encode(element), as: UTF8.self))")
            }
        }
        #expect(lines.count > 2)
        return lines
    }

    private func lines(_ deliveries: [Webhook.Delivery]) -> [String] {
        deliveries.map { "\($0.id) \(String(decoding: $0.body, as: UTF8.self))" }
    }

    private func answer(_ run: RunID, in engine: RunEngine) async throws {
        _ = try await engine.resume(run, with: .message("three"))
    }

    @Test("All events of a task are posted in order, with the headers of the configuration")
    func all() async throws {
        try await Webhook.serving { webhook in
            let push = try serve()
            let task = try await startTask(push.engine)
            _ = try await push.create(config(task, "a", webhook.url("/hook?secret=1")), from: 0)
            try await answer(task, in: push.engine)
            let expected = try await expected(task, in: push.engine)
            try await eventually("all are delivered") { webhook.acknowledged.count == expected.count }
            #expect(lines(webhook.received) == expected)
            for delivery in webhook.received {
                let headers = delivery.headers
                #expect(delivery.path == "/hook?secret=1")
                #expect(headers["Content-Type"] == ["application/a2a+json"])
                #expect(headers["A2A-Version"] == ["1.0"])
                #expect(headers["Authorization"] == ["Bearer secret-credentials"])
                #expect(headers["X-A2A-Notification-Token"] == ["secret-token"])
                #expect(headers["webhook-signature"].isEmpty)
                #expect(delivery.element != nil)
            }
            #expect(webhook.connections == 1)
            await push.engine.shutdown()
        }
    }

    @Test("A configuration that is created later gets the events that follow")
    func later() async throws {
        try await Webhook.serving { webhook in
            let push = try serve()
            let task = try await startTask(push.engine)
            let count = try await push.engine.eventCount(of: task)
            _ = try await push.create(config(task, "a", webhook.url()))
            try await answer(task, in: push.engine)
            let expected = try await expected(task, in: push.engine, from: count)
            try await eventually("all are delivered") { webhook.acknowledged.count == expected.count }
            #expect(lines(webhook.received) == expected)
            await push.engine.shutdown()
        }
    }

    @Test("An attempt that fails is repeated until it succeeds, before the next event is posted")
    func retries() async throws {
        try await Webhook.serving { delivery in
            switch delivery.number % 4 {
            case 0: .ok
            case 1: .status(503, ["Retry-After": "0"])
            case 2: .status(429)
            default: throw CancellationError()
            }
        } _: { webhook in
            let push = try serve()
            let task = try await startTask(push.engine)
            _ = try await push.create(config(task, "a", webhook.url()), from: 0)
            try await answer(task, in: push.engine)
            let expected = try await expected(task, in: push.engine)
            try await eventually("all are delivered") { webhook.acknowledged.count == expected.count }
            #expect(lines(webhook.acknowledged) == expected)
            // Repetitions have the same id and body.
            var distinct: [String] = []
            for line in lines(webhook.received) where line != distinct.last { distinct.append(line) }
            #expect(distinct == expected)
            await push.engine.shutdown()
        }
    }

    @Test("A slow receiver gets one event after the other, and delays neither its task nor other receivers")
    func slow() async throws {
        let open = Signal<Void>()
        try await Webhook.serving { delivery in
            if delivery.path == "/slow" { try await open.wait() }
            return .ok
        } _: { webhook in
            let push = try serve()
            let task = try await startTask(push.engine)
            _ = try await push.create(config(task, "a", webhook.url("/slow")), from: 0)
            _ = try await push.create(config(task, "b", webhook.url("/quick")), from: 0)
            try await answer(task, in: push.engine)
            let expected = try await expected(task, in: push.engine)
            func received(_ path: String) -> [String] { lines(webhook.received.filter { $0.path == path }) }
            try await eventually("all are delivered to the quick receiver") {
                received("/quick").count == expected.count
            }
            #expect(received("/quick") == expected)
            try await eventually("the slow receiver has a request") { !received("/slow").isEmpty }
            #expect(received("/slow") == [expected[0]])
            open.send()
            try await eventually("all are delivered") { received("/slow").count == expected.count }
            #expect(received("/slow") == expected)
            await push.engine.shutdown()
        }
    }

    @Test("Deleting a configuration stops its deliveries, also those that are being repeated")
    func deletion() async throws {
        try await Webhook.serving { _ in
            .status(500)
        } _: { webhook in
            let push = try serve()
            let task = try await startTask(push.engine)
            let config = try await push.create(config(task, "a", webhook.url("/deleted")), from: 0)
            func attempts(_ path: String) -> Int { webhook.received.count { $0.path == path } }
            try await eventually("some attempts have failed") { attempts("/deleted") > 3 }
            try await push.delete(.init(taskID: config.taskID ?? "", id: "a"))
            #expect(push.engine.state.withLock { $0.executions.keys.allSatisfy { !$0.isCompanion } })
            // A request may have been on its way. The attempts of another configuration show that more would have followed.
            let count = attempts("/deleted")
            _ = try await push.create(self.config(task, "b", webhook.url("/other")), from: 0)
            try await eventually("attempts for another configuration have failed") { attempts("/other") > 10 }
            #expect(attempts("/deleted") <= count + 1)
            // Shutting down would wait for its deliveries.
            try await push.delete(.init(taskID: config.taskID ?? "", id: "b"))
            await push.engine.shutdown()
        }
    }

    @Test("A configuration that replaces another one gets the events from then on")
    func replacement() async throws {
        try await Webhook.serving {
            $0.path == "/old" ? .status(500) : .ok
        } _: { webhook in
            let push = try serve()
            let task = try await startTask(push.engine)
            let count = try await push.engine.eventCount(of: task)
            _ = try await push.create(config(task, "a", webhook.url("/old")), from: 0)
            try await eventually("attempts have failed") { webhook.received.count > 3 }
            _ = try await push.create(config(task, "a", webhook.url("/new")))
            try await answer(task, in: push.engine)
            let expected = try await expected(task, in: push.engine, from: count)
            try await eventually("all are delivered") { webhook.acknowledged.count == expected.count }
            #expect(lines(webhook.acknowledged) == expected)
            await push.engine.shutdown()
        }
    }

    @Test("Another process continues where the one that was lost has ended: each event at least once, and in order")
    func takeover() async throws {
        let shared = SharedState()
        let isBlocked = Signal<Void>()
        try await Webhook.serving { delivery in
            // The first process is cut off while its third delivery waits for the response.
            if delivery.number == 3 { try await isBlocked.wait() }
            return .ok
        } _: { webhook in
            let (first, connection) = try await shared.process()
            let (second, _) = try await shared.process()
            var services: [PushService] = []
            for engine in [first, second] {
                try Self.addAgents(engine.agents)
                services.append(PushService(engine: engine, configuration: Self.fast))
            }
            let task = try await startTask(first)
            _ = try await services[0].create(config(task, "a", webhook.url()), from: 0)
            try await eventually("the third delivery has begun") { webhook.received.count == 3 }
            connection.cut()
            shared.clock.advance(by: shared.lease)
            try await second.renewLease()
            await second.recover()
            try await eventually("the second process has continued") { webhook.received.count > 3 }
            isBlocked.send()
            try await answer(task, in: second)
            let expected = try await expected(task, in: second)
            try await eventually("all are delivered") { lines(webhook.acknowledged).last == expected.last }
            let received = lines(webhook.received)
            var distinct: [String] = []
            for line in received where !distinct.contains(line) { distinct.append(line) }
            #expect(distinct == expected)
            #expect(received.count <= expected.count + 2)
            await second.shutdown()
        }
    }

    @Test("At a graceful shutdown another process continues at once")
    func handover() async throws {
        let shared = SharedState()
        try await Webhook.serving { webhook in
            let (first, _) = try await shared.process()
            let (second, _) = try await shared.process()
            var services: [PushService] = []
            for engine in [first, second] {
                try Self.addAgents(engine.agents)
                services.append(PushService(engine: engine, configuration: Self.fast))
            }
            let task = try await startTask(first)
            _ = try await services[0].create(config(task, "a", webhook.url()), from: 0)
            let before = try await first.eventCount(of: task)
            try await eventually("all so far are delivered") {
                webhook.acknowledged.last?.id == "\(task)-\(before - 1)"
            }
            await first.shutdown()
            await second.recover()
            try await answer(task, in: second)
            let expected = try await expected(task, in: second)
            try await eventually("all are delivered") { lines(webhook.acknowledged).last == expected.last }
            var distinct: [String] = []
            for line in lines(webhook.received) where line != distinct.last { distinct.append(line) }
            #expect(distinct == expected)
            await second.shutdown()
        }
    }

    // MARK: - Refusals

    @Test("Nothing is posted to private addresses, also if a name leads there, and the configuration stops")
    func privateAddresses() async throws {
        try await Webhook.serving { webhook in
            var configuration = Self.fast
            configuration.allowsPrivateAddresses = false
            let log = CapturedLog()
            let push = try serve(MemoryStorage(), configuration, logger: log.logger)
            let task = try await startTask(push.engine)
            _ = try await push.create(config(task, "a", webhook.url("/secret?secret", host: "localhost")), from: 0)
            try await eventually("it has stopped") {
                try await push.engine.companions(of: task).first?.hasEnded == true
            }
            #expect(webhook.connections == 0)
            #expect(log.text.contains("push notifications have stopped"))
            #expect(!log.text.contains("secret"))
            configuration.allowedHosts = [try AllowedHost("localhost")]
            let other = try serve(MemoryStorage(), configuration)
            let allowed = try await startTask(other.engine)
            _ = try await other.create(config(allowed, "a", webhook.url(host: "localhost")), from: 0)
            try await eventually("an allowed host gets deliveries") { !webhook.acknowledged.isEmpty }
            await push.engine.shutdown()
            await other.engine.shutdown()
        }
    }

    @Test("Redirects are not followed: the event is given up, and the next one is posted")
    func redirects() async throws {
        try await Webhook.serving { delivery in
            delivery.number.isMultiple(of: 2) ? .ok : .status(307, ["Location": "/elsewhere"])
        } _: { webhook in
            let log = CapturedLog()
            let push = try serve(MemoryStorage(), Self.fast, logger: log.logger)
            let task = try await startTask(push.engine)
            _ = try await push.create(config(task, "a", webhook.url("/secret")), from: 0)
            try await answer(task, in: push.engine)
            let expected = try await expected(task, in: push.engine)
            try await eventually("all were posted") { webhook.received.count == expected.count }
            #expect(lines(webhook.received) == expected)
            #expect(webhook.received.allSatisfy { $0.path == "/secret" })
            #expect(log.text.contains("a push notification was given up") && !log.text.contains("secret"))
            await push.engine.shutdown()
        }
    }

    @Test("A receiver that is gone gets nothing more")
    func gone() async throws {
        try await Webhook.serving { _ in
            .status(410)
        } _: { webhook in
            let push = try serve()
            let task = try await startTask(push.engine)
            let config = try await push.create(config(task, "a", webhook.url()), from: 0)
            try await eventually("it has stopped") {
                try await push.engine.companions(of: task).first?.hasEnded == true
            }
            try await answer(task, in: push.engine)
            _ = try await expected(task, in: push.engine)
            #expect(webhook.received.count == 1)
            #expect(try await push.get(.init(taskID: config.taskID ?? "", id: "a")) == config)
            await push.engine.shutdown()
        }
    }

    @Test("A receiver that fails for too many events in a row gets nothing more")
    func failures() async throws {
        try await Webhook.serving { _ in
            .status(500)
        } _: { webhook in
            var configuration = Self.fast
            (configuration.maximumAttempts, configuration.maximumFailedEvents) = (3, 2)
            let push = try serve(MemoryStorage(), configuration)
            let task = try await startTask(push.engine)
            _ = try await push.create(config(task, "a", webhook.url()), from: 0)
            try await eventually("it has stopped") {
                try await push.engine.companions(of: task).first?.hasEnded == true
            }
            #expect(webhook.received.map(\.id) == [0, 0, 0, 1, 1, 1].map { "\(task)-\($0)" })
            await push.engine.shutdown()
        }
    }

    // MARK: - Signatures

    @Test("Deliveries are signed with each key, over the id, the time and the body")
    func signatures() async throws {
        let (secret, key) = (SymmetricKey(size: .bits256), Curve25519.Signing.PrivateKey())
        try await Webhook.serving { webhook in
            var configuration = Self.fast
            configuration.signingKeys = [.secret(secret), .ed25519(key)]
            let push = try serve(MemoryStorage(), configuration)
            let task = try await startTask(push.engine)
            _ = try await push.create(config(task, "a", webhook.url()), from: 0)
            try await eventually("some are delivered") { webhook.acknowledged.count > 2 }
            for delivery in webhook.acknowledged {
                let time = try #require(delivery.headers.first(name: "webhook-timestamp"))
                #expect(abs(try #require(Double(time)) - Date().timeIntervalSince1970) < 300)
                let content = Array("\(delivery.id).\(time).".utf8) + delivery.body
                let signatures = try #require(delivery.headers.first(name: "webhook-signature")).split(separator: " ")
                #expect(signatures.count == 2)
                let code = try #require(Data(base64Encoded: String(signatures[0].dropFirst("v1,".count))))
                #expect(signatures[0].hasPrefix("v1,"))
                #expect(HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: content, using: secret))
                let signature = try #require(Data(base64Encoded: String(signatures[1].dropFirst("v1a,".count))))
                #expect(signatures[1].hasPrefix("v1a,"))
                #expect(key.publicKey.isValidSignature(signature, for: content))
                #expect(!key.publicKey.isValidSignature(signature, for: content + [0]))
            }
            // The client's receiver verifies the same.
            let headers = webhook.acknowledged[0].headers.map { (name: $0.name, value: $0.value) }
            let body = webhook.acknowledged[0].body
            for known in [WebhookKey.secret(secret), .ed25519(key.publicKey)] {
                let receiver = WebhookReceiver(keys: [known])
                let received = try receiver.receive(headers: headers, body: body)
                #expect(received == .event(try A2AJSON.decode(from: body), id: webhook.acknowledged[0].id))
                #expect(
                    try receiver.receive(headers: headers, body: body) == .duplicate(id: webhook.acknowledged[0].id))
                #expect(throws: WebhookReceiver.Rejection.self) {
                    try WebhookReceiver(keys: [known]).receive(headers: headers, body: body + [UInt8(ascii: " ")])
                }
            }
            await push.engine.shutdown()
        }
    }
}

/// Collects everything that is logged.
private final class CapturedLog: Sendable {
    private let lines = Mutex<[String]>([])

    var text: String { lines.withLock { $0.joined(separator: "\n") } }

    var logger: Logger {
        var logger = Logger(label: "test", factory: { _ in Handler(log: self) })
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let log: CapturedLog
        var logLevel = Logger.Level.trace
        var metadata: Logger.Metadata = [:]

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            log.lines.withLock { $0.append("\(event.level) \(event.message) \(metadata) \(event.metadata ?? [:])") }
        }
    }
}
