// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPRuntime
import ACPStorage

/// Sending messages: they create runs, and answer the questions of runs.
extension TaskService {
    func sendMessage(
        _ request: A2A.SendMessageRequest, _ call: Call
    ) async throws -> A2A.SendMessageResponse {
        let returnsImmediately = request.configuration?.returnsImmediately ?? false
        let historyLength = request.configuration?.historyLength
        switch try await send(request, call) {
        case .created(let handle, let input):
            return try await reporting(created: handle) {
                let run = returnsImmediately ? try await handle.created() : try await handle.settled().run
                if let reply = run.reply { return .message(reply) }
                return .task(try await task(run, input: input, historyLength: historyLength))
            }
        case .answered(let run, let eventCount):
            return try await reporting(task: run.id) {
                let run = returnsImmediately ? run : try await settled(run.id, after: eventCount)
                return .task(try await task(run, historyLength: historyLength))
            }
        case .repeated(let run, let eventCount):
            return try await reporting(task: run.id) {
                let isCurrent = returnsImmediately || run.status.isSettled
                let run = isCurrent ? run : try await settled(run.id, after: eventCount)
                return .task(try await task(run, historyLength: historyLength))
            }
        }
    }

    func sendStreamingMessage(_ request: A2A.SendMessageRequest, _ call: Call) async throws -> Stream {
        try requireStreaming()
        let historyLength = request.configuration?.historyLength
        switch try await send(request, call) {
        case .created(let handle, let input):
            return try await reporting(created: handle) {
                let run = try await handle.created()
                // A run that was just created is not read.
                if run.status == .created, input != nil || call.lastEventID == nil {
                    return try await stream(
                        run, including: 1, until: .settled, input: input, historyLength: historyLength)
                }
                let (current, eventCount) = try await stored(run.id, call)
                return try await stream(
                    current, eventCount, until: .settled, after: call.lastEventID, historyLength: historyLength)
            }
        case .answered(let run, let eventCount):
            return try await reporting(task: run.id) {
                let run = try await firstRun(run.id, at: eventCount, call)
                return try await stream(
                    run, including: eventCount + 1, until: .settled, historyLength: historyLength)
            }
        case .repeated(let run, let eventCount):
            return try await reporting(task: run.id) {
                try await stream(
                    run, eventCount, until: .settled, after: call.lastEventID, historyLength: historyLength)
            }
        }
    }

    // MARK: - Sending

    /// What a message has done.
    private enum Sent {
        /// It has created a run. The input is `nil` if the run may be that of an earlier call.
        case created(RunHandle, input: [ACPCore.Message]?)
        /// It has answered the question of a run, which had a number of events before.
        case answered(Run, eventCount: Int)
        /// It has done nothing, since it was sent before. The run is the present one, with its number of events.
        case repeated(Run, eventCount: Int)
    }

    private func send(_ request: A2A.SendMessageRequest, _ call: Call) async throws -> Sent {
        try request.validate()
        try checkNesting(request)
        if let config = request.configuration?.pushNotificationConfig { try checkPushConfig(config) }
        let message = try await reporting { try input(request, call) }
        guard let task = request.message.taskID else {
            return try await reporting { try await create(message, request, call) }
        }
        let id = try run(of: task)
        return try await reporting(task: id) { try await answer(id, with: message, request, call) }
    }

    /// Returns the message that a run gets.
    private func input(_ request: A2A.SendMessageRequest, _ call: Call) throws -> ACPCore.Message {
        var message = try ACPCore.Message(request.message)
        guard request.metadata != nil || !call.extensions.isEmpty else { return message }
        var own = message.extra.a2a ?? [:]
        own.set(A2AMember.requestMetadata, request.metadata)
        own.set(A2AMember.activeExtensions, call.extensions)
        message.extra.a2a = own
        return message
    }

    /// Checks that the message can be part of each response about its task.
    private func checkNesting(_ request: A2A.SendMessageRequest) throws(A2AError) {
        func check(_ field: @autoclosure () -> String, _ value: JSONValue?) throws(A2AError) {
            guard let value, value.isNested(deeperThan: JSONValue.maximumLevels) else { return }
            throw .invalid(field(), "the value is nested deeper than \(JSONValue.maximumLevels) levels")
        }
        try check("metadata", request.metadata.map { .object($0) })
        try check("message.metadata", request.message.metadata.map { .object($0) })
        for (index, part) in request.message.parts.enumerated() {
            try check("message.parts[\(index)].metadata", part.metadata.map { .object($0) })
            if case .data(let value) = part.content { try check("message.parts[\(index)].data", value) }
        }
    }

    private func create(
        _ message: ACPCore.Message, _ request: A2A.SendMessageRequest, _ call: Call
    ) async throws -> Sent {
        let session = try session(of: request.message.contextID, in: "message.contextId")
        let handle = try await (call.access ?? RunAccess(engine)).createRun(
            RunRequest(agent: agent, input: [message], session: session, idempotencyKey: call.idempotencyKey))
        if request.configuration?.pushNotificationConfig != nil {
            _ = try await handle.created()
            do {
                try await storePushConfig(
                    of: request, for: handle.id, from: 0, isRepeatable: call.idempotencyKey != nil)
            } catch {
                // Nobody would learn of the task, unless the message can be sent again.
                if call.idempotencyKey == nil { _ = try? await engine.cancel(handle.id) }
                throw error
            }
        }
        return .created(handle, input: call.idempotencyKey == nil ? [message] : nil)
    }

    /// Checks a push notification configuration before anything is stored.
    private func checkPushConfig(_ config: A2A.TaskPushNotificationConfig) throws(A2AError) {
        guard let push, configuration.hasPushNotifications else {
            throw A2AError(
                .pushNotificationNotSupported,
                "this agent does not send push notifications: leave out configuration.taskPushNotificationConfig")
        }
        do throws(A2AError) {
            try push.validate(config)
        } catch {
            var error = error
            for index in error.violations.indices {
                error.violations[index].field =
                    "configuration.taskPushNotificationConfig.\(error.violations[index].field)"
            }
            throw error
        }
    }

    /// - Parameters:
    ///   - start: The index of the first event that is delivered. If `nil`, it is the one that follows the last event of
    ///     the task.
    ///   - isRepeatable: Whether an earlier call with the same message may have stored the configuration. Then its
    ///     events are not delivered again. Defaults to `false`.
    private func storePushConfig(
        of request: A2A.SendMessageRequest, for run: RunID, from start: Int? = nil, isRepeatable: Bool = false
    ) async throws {
        guard let push, var config = request.configuration?.pushNotificationConfig else { return }
        let task = A2A.TaskID(run)
        // A message that is sent again has the same configuration.
        let id = config.id ?? A2A.PushConfigID(rawValue: run.rawValue)
        (config.taskID, config.id) = (task, id)
        config.tenant = config.tenant ?? request.tenant
        if isRepeatable, let stored = try? await push.get(.init(taskID: task, id: id)), stored == config { return }
        _ = try await push.create(config, from: start)
    }

    // MARK: - Answering

    private func answer(
        _ id: RunID, with message: ACPCore.Message, _ request: A2A.SendMessageRequest, _ call: Call
    ) async throws -> Sent {
        var message = message
        if let key = call.idempotencyKey {
            guard (1...255).contains(key.utf8.count) else {
                throw A2AError(
                    .invalidParams, "the idempotency key has \(key.utf8.count) bytes: 1 to 255 are expected")
            }
            message.extra.a2a = (message.extra.a2a ?? [:]).merging([A2AMember.idempotencyKey: .string(key)]) { $1 }
        }
        let (run, eventCount) = try await stored(id, call)
        let context = try session(of: request.message.contextID, in: "message.contextId")
        if let context, context != run.sessionID {
            throw A2AError.invalid(
                "message.contextId",
                "task \(id) belongs to context \(run.sessionID?.rawValue ?? "(none)"): send that one, or none")
        }
        let answers = run.exchange.indices.lazy.filter { !$0.isMultiple(of: 2) }.map { run.exchange[$0] }
        if try answers.contains(where: { try message.isRepetition(of: $0) }) {
            return .repeated(run, eventCount: eventCount)
        }
        guard run.status == .awaiting else { throw A2AError.notAwaiting(run) }
        do {
            try await storePushConfig(of: request, for: id)
            let (resumed, eventCount) = try await engine.resume(id, with: .message(message))
            return .answered(resumed, eventCount: eventCount)
        } catch let error as RunEngineError where error.code == .notAwaiting {
            // Another call has answered it, perhaps with the same message. The answer may be stored only as a signal.
            let isRepeated = try await engine.storage.coordination.signals(to: id).contains { signal in
                guard case .resume(let answer, _) = signal, let answer = answer.message else { return false }
                return try message.isRepetition(of: answer)
            }
            let (run, eventCount) = try await stored(id, call)
            guard isRepeated else { throw error }
            guard run.status == .awaiting else { return .repeated(run, eventCount: eventCount) }
            // Its owner has not taken the answer yet.
            return .answered(run, eventCount: eventCount)
        }
    }

    /// Waits until a run has ended or asks a question, with more events than a given number.
    private func settled(_ id: RunID, after eventCount: Int) async throws -> Run {
        try await RunHandle(engine: engine, id: id).settled(after: eventCount).run
    }

    /// Waits for the event that follows an answer, and returns the run that it has.
    private func firstRun(_ id: RunID, at index: Int, _ call: Call) async throws -> Run {
        for try await batch in engine.follow(id, from: index) {
            guard let event = batch.events.first else { continue }
            if let run = try event.decode().run { return run }
            break
        }
        return try await stored(id, call).run
    }

    /// Performs the rest of a call that has created a run. If that fails, the error has the id of the task.
    private func reporting<Result>(created handle: RunHandle, _ body: () async throws -> Result) async throws -> Result
    {
        do {
            return try await body()
        } catch let error as RunEngineError {
            throw A2AError(error, task: handle.isStored ? handle.id : nil)
        } catch {
            return try await reporting(task: handle.id) { throw error }
        }
    }
}

extension ACPCore.Message {
    /// Returns whether this message is the same as an answer that was taken: it has the same idempotency key, or the
    /// same id and the same content.
    ///
    /// A client may send different messages with the same id, though it should not.
    ///
    /// - Throws: An error if the idempotency key was used for a different message.
    fileprivate func isRepetition(of answer: ACPCore.Message) throws -> Bool {
        guard let own = extra.a2a, let taken = answer.extra.a2a else { return false }
        let isSame = role == answer.role && parts == answer.parts
        if let key = own.text(A2AMember.idempotencyKey), key == taken.text(A2AMember.idempotencyKey) {
            guard isSame else {
                throw A2AError(
                    .idempotencyKeyReused,
                    "the idempotency key was used for a different message: use a new key for each message")
            }
            return true
        }
        return isSame && own.text(A2AMember.messageID) != nil
            && own.text(A2AMember.messageID) == taken.text(A2AMember.messageID)
    }
}
