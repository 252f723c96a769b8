// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ACPStorage
import Crypto
import Logging
import Synchronization

/// Executes a companion: calls its agent again after errors of the storage, and ends it when the run that it belongs to
/// is not stored any more.
struct CompanionHandler: Agent {
    static let policy = AgentPolicy(recovery: .replay, sessionRuns: .overlap)

    let agent: any CompanionAgent
    let engine: RunEngine
    let memory: CompanionMemory

    var manifest: AgentManifest { AgentManifest(name: agent.name, description: "") }
    var policy: AgentPolicy { Self.policy }

    func run(_ context: RunContext) async throws {
        let input = try CompanionInput(context.input)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await work(input, context.execution) }
            group.addTask { try await watch(input.subject, context.execution) }
            defer { group.cancelAll() }
            // The companion ends when its agent has ended, and when the run is not stored any more.
            try await group.next()
        }
    }

    private func work(_ input: CompanionInput, _ execution: RunExecution) async throws {
        var backoff = Backoff()
        while true {
            let progress = memory.progress
            do {
                return try await agent.run(
                    CompanionContext(
                        engine: engine, subject: input.subject, input: input.value, progress: progress,
                        execution: execution, memory: memory))
            } catch let error as RunEngineError where error.code == .unknownRun {
                return
            } catch  where error.isOfStorage {
                if memory.progress != progress { backoff = Backoff() }
                engine.logLimiter.log(
                    .warning, "the storage failed; trying again", metadata: ["reason": "\(error)"],
                    to: execution.logger)
                try await Task.sleep(for: backoff.next())
            }
        }
    }

    /// Waits until the run is not stored any more: it was deleted, or has expired. Until then, a companion whose record
    /// could expire before the run does is kept by recording its progress again.
    private func watch(_ subject: RunID, _ execution: RunExecution) async throws {
        let lifetime = engine.storage.capabilities.timeToLive
        let interval = min(max((lifetime ?? .seconds(14_400)) / 4, .seconds(1)), .seconds(3_600))
        while true {
            try await Task.sleep(for: interval)
            do {
                if try await engine.contents.recordWithoutContents(of: subject) == nil { return }
                if lifetime != nil { try await execution.yield(generic: memory.progress ?? [:]) }
            } catch is StorageError {
                // It is checked again next time.
            }
        }
    }
}

/// The progress of a companion that was recorded last.
final class CompanionMemory: Sendable {
    private let state: Mutex<JSONValue?>

    init(_ progress: JSONValue? = nil) { state = Mutex(progress) }

    var progress: JSONValue? {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}

/// What is stored as the input of a companion.
struct CompanionInput {
    let subject: RunID
    let key: String
    let value: JSONValue

    init(subject: RunID, key: String, value: JSONValue) { (self.subject, self.key, self.value) = (subject, key, value) }

    init(_ messages: [Message]) throws(ACPError) {
        let content = messages.first?.parts.first?.content ?? ""
        guard let members = try ACPJSON.decode(JSONValue.self, from: content.utf8).objectValue,
            let subject = (members["subject"]?.stringValue).flatMap(RunID.init(rawValue:)),
            let key = members["key"]?.stringValue, let value = members["value"]
        else { throw ACPError(.serverError, "the input of a companion cannot be read") }
        self.init(subject: subject, key: key, value: value)
    }

    func messages() throws(ACPError) -> [Message] {
        let members: JSONValue = ["subject": .string(subject.rawValue), "key": .string(key), "value": value]
        let content = String(decoding: try ACPJSON.encode(members), as: UTF8.self)
        return [Message(parts: [MessagePart(contentType: "application/json", content: content)])]
    }
}

extension Error {
    /// Whether an operation failed because of the storage, and not for good.
    fileprivate var isOfStorage: Bool {
        switch self {
        case let error as RunEngineError: error.storageError.map { !$0.isFinal } ?? false
        case let error as StorageError: !error.isFinal
        default: false
        }
    }
}

func digest(_ text: String) -> String {
    SHA256.hash(data: Array(text.utf8)).prefix(20).reduce(into: "") { hex, byte in
        hex += byte < 16 ? "0" : ""
        hex += String(byte, radix: 16)
    }
}
