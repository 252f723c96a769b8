// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPRuntime
import ACPStorage
import ACPTestSupport
import Logging
import Testing

@testable import A2AServer

@Suite("Push notification configurations", .timeLimit(.minutes(5)))
struct PushServiceTests {
    let engine: RunEngine
    let push: PushService

    init() throws {
        engine = RunEngine(
            storage: MemoryStorage(), logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        try engine.agents.addAgent("echo") { context in context.input.first?.text ?? "" }
        push = PushService(engine: engine, configuration: PushConfiguration(maximumConfigurations: 5))
    }

    private func endedTask() async throws -> A2A.TaskID {
        A2A.TaskID(rawValue: try await engine.execute(RunRequest(agent: "echo", input: ["hi"])).id.rawValue)
    }

    private func config(
        _ task: A2A.TaskID, _ id: A2A.PushConfigID? = nil, url: String = "https://hooks.example/1"
    ) -> A2A.TaskPushNotificationConfig {
        A2A.TaskPushNotificationConfig(
            id: id, taskID: task, url: url, token: "secret-token",
            authentication: A2A.AuthenticationInfo(scheme: "Bearer", credentials: "secret-credentials"))
    }

    private func code(_ step: () async throws -> Void) async -> String? {
        do {
            try await step()
            return nil
        } catch let error as A2AError {
            #expect(!"\(error)\(error.metadata)\(error.violations)".contains("secret"))
            return ([error.code.reason] + error.violations.map(\.field)).joined(separator: " ")
        } catch {
            return "\(error)"
        }
    }

    @Test("Configurations of a task that has ended are created, found, listed, replaced and deleted")
    func methods() async throws {
        let task = try await endedTask()
        let first = try await push.create(config(task, "a"))
        #expect(first == config(task, "a"))
        let second = try await push.create(config(task))
        let id = try #require(second.id)
        #expect(second == config(task, id))
        #expect(try await push.get(.init(taskID: task, id: "a")) == first)
        #expect(try await push.get(.init(taskID: task, id: id)) == second)
        #expect(try await push.list(.init(taskID: task)) == .init(configs: [first, second]))
        let replaced = try await push.create(config(task, "a", url: "https://hooks.example/2"))
        #expect(try await push.list(.init(taskID: task)) == .init(configs: [second, replaced]))
        try await push.delete(.init(taskID: task, id: "a"))
        try await push.delete(.init(taskID: task, id: "a"))
        #expect(await code { _ = try await push.get(.init(taskID: task, id: "a")) } == "TASK_NOT_FOUND")
        #expect(try await push.list(.init(taskID: task)) == .init(configs: [second]))
        // Another task can have a configuration with the same id.
        let other = try await endedTask()
        #expect(try await push.create(config(other, id)).taskID == other)
        try await push.delete(.init(taskID: other, id: id))
        #expect(try await push.get(.init(taskID: task, id: id)) == second)
    }

    @Test("Lists have pages, which continue after a configuration that was deleted in the meantime")
    func pages() async throws {
        let task = try await endedTask()
        for number in 0..<5 { _ = try await push.create(config(task, .init(rawValue: "id \(number)"))) }
        var found: [String] = []
        var token: String?
        repeat {
            let page = try await push.list(.init(taskID: task, pageSize: 2, pageToken: token))
            #expect(page.configs.count <= 2)
            found += page.configs.compactMap(\.id?.rawValue)
            token = page.nextPageToken
            if let last = page.configs.last?.id { try await push.delete(.init(taskID: task, id: last)) }
        } while token != nil
        #expect(found == ["id 0", "id 1", "id 2", "id 3", "id 4"])
        for token in ["x", "", "AAAA"] where !token.isEmpty {
            #expect(
                await code { _ = try await push.list(.init(taskID: task, pageToken: token)) }
                    == "INVALID_PARAMS pageToken")
        }
        #expect(await code { _ = try await push.list(.init(taskID: task, pageSize: -1)) } == "INVALID_PARAMS pageSize")
    }

    @Test(
        "Methods about a task that does not exist are refused", arguments: ["unknown", "not a task", "~companion.00"])
    func unknownTask(text: String) async throws {
        let task = A2A.TaskID(rawValue: text)
        #expect(await code { _ = try await push.create(config(task, "a")) } == "TASK_NOT_FOUND")
        #expect(await code { _ = try await push.get(.init(taskID: task, id: "a")) } == "TASK_NOT_FOUND")
        #expect(await code { _ = try await push.list(.init(taskID: task)) } == "TASK_NOT_FOUND")
        #expect(await code { try await push.delete(.init(taskID: task, id: "a")) } == "TASK_NOT_FOUND")
    }

    @Test("A companion of a task is no task")
    func companionIsNoTask() async throws {
        let task = try await endedTask()
        let run = try #require(RunID(rawValue: task.rawValue))
        _ = try await push.create(config(task, "a"))
        let companion = try #require(try await engine.companions(of: run).first)
        #expect(
            await code { _ = try await push.create(config(.init(rawValue: companion.id.rawValue))) } == "TASK_NOT_FOUND"
        )
    }

    @Test(
        "Invalid URLs are refused, without the URL in the error",
        arguments: [
            "", "hooks.example", "ftp://hooks.example/", "http://user:secret@hooks.example/",
            "http://hooks.example/a b",
            "http://127.0.0.1/secret", "http://[::1]:80/secret", "http://10.1.2.3/", "http://169.254.169.254/latest",
            "http://0x7f.1/", "http://2130706433/", "http://[::ffff:10.0.0.1]/", "file:///etc/passwd",
        ])
    func urls(url: String) async throws {
        let task = try await endedTask()
        #expect(await code { _ = try await push.create(config(task, "a", url: url)) } == "INVALID_PARAMS url")
    }

    @Test("Values that cannot be sent in headers, and ids that are too long, are refused")
    func values() async throws {
        let task = try await endedTask()
        func code(_ change: (inout A2A.TaskPushNotificationConfig) -> Void) async -> String? {
            var config = config(task, "a")
            change(&config)
            return await self.code { [config] in _ = try await push.create(config) }
        }
        #expect(await code { $0.token = "secret\r\nX: y" } == "INVALID_PARAMS token")
        #expect(await code { $0.token = "secret-ü" } == "INVALID_PARAMS token")
        #expect(await code { $0.token = String(repeating: "x", count: 5_000) } == "INVALID_PARAMS token")
        #expect(
            await code { $0.authentication?.credentials = "secret\n" } == "INVALID_PARAMS authentication.credentials")
        #expect(await code { $0.authentication?.scheme = "Bearer secret" } == "INVALID_PARAMS authentication.scheme")
        #expect(await code { $0.authentication?.scheme = "" } == "INVALID_PARAMS authentication.scheme")
        #expect(await code { $0.id = .init(rawValue: String(repeating: "x", count: 257)) } == "INVALID_PARAMS id")
        #expect(await code { $0.taskID = nil } == "INVALID_PARAMS taskId")
    }

    @Test("A task has a limited number of configurations, and one of them can still be replaced")
    func limit() async throws {
        let task = try await endedTask()
        for number in 0..<5 { _ = try await push.create(config(task, .init(rawValue: "\(number)"))) }
        #expect(await code { _ = try await push.create(config(task, "5")) } == "INVALID_PARAMS taskId")
        _ = try await push.create(config(task, "4", url: "https://hooks.example/2"))
        #expect(try await push.list(.init(taskID: task)).configs.count == 5)
    }

    @Test("Creating the service again keeps the first one's agent")
    func again() async throws {
        let second = PushService(engine: engine)
        let task = try await endedTask()
        _ = try await second.create(config(task, "a"))
        #expect(try await push.list(.init(taskID: task)).configs.count == 1)
    }
}
