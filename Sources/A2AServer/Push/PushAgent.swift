// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore
import ACPLinks
import ACPRuntime
import ACPStorage
import Logging

/// Delivers the events of a task to the receiver of one push notification configuration, in order.
struct PushAgent: CompanionAgent {
    static let name: AgentName = "__push-notifications"

    let configuration: PushConfiguration
    let poster: LinkPoster
    let logger: Logger

    var name: AgentName { Self.name }

    func run(_ context: CompanionContext) async throws {
        let job = try PushJob(context.input)
        var progress = PushProgress(context.progress, start: job.start)
        guard !progress.isStopped, let record = try await context.engine.storage.record(of: context.subject) else {
            return
        }
        var events = try await TaskEvents.state(
            before: progress.events, of: try record.run(), eventCount: record.eventCount, in: context.engine)
        for try await batch in context.engine.follow(context.subject, from: progress.events) {
            for (index, event) in zip(batch.offset..., batch.events) {
                let elements = try events.responses(to: event, at: index)
                if elements.isEmpty { progress.advance(isLast: true) }
                for (number, element) in elements.enumerated().dropFirst(progress.elements) {
                    let delivery = Delivery(
                        id: "\(context.subject)-\(index)" + (number == 0 ? "" : "-\(number)"),
                        body: try A2AJSON.encode(element))
                    try await deliver(delivery, of: job.config, context, &progress)
                    if !progress.isStopped { progress.advance(isLast: number == elements.count - 1) }
                    try await context.record(progress.json)
                    if progress.isStopped { return }
                }
            }
        }
    }

    private struct Delivery {
        let id: String
        let body: [UInt8]
    }

    private func deliver(
        _ delivery: Delivery, of config: A2A.TaskPushNotificationConfig, _ context: CompanionContext,
        _ progress: inout PushProgress
    ) async throws {
        var attempts = PushDelivery(configuration)
        while true {
            let outcome = try await attempt(delivery, of: config)
            switch attempts.attemptDidEnd(outcome, jitter: .random(in: 0...1)) {
            case .acknowledged:
                progress.failures = 0
                return
            case .retry(let pause):
                try await Task.sleep(for: pause)
                // The configuration may have been deleted, or taken over, in the meantime.
                try await context.checkOwner()
            case .giveUp(let reason):
                progress.failures = 0
                log("a push notification was given up", reason, config, context)
                return
            case .fail(let reason):
                progress.failures += 1
                log("a push notification could not be delivered", reason, config, context)
                guard progress.failures >= configuration.maximumFailedEvents else { return }
                progress.isStopped = true
                log("push notifications have stopped", reason, config, context)
                return
            case .stop(let reason):
                progress.isStopped = true
                log("push notifications have stopped", reason, config, context)
                return
            }
        }
    }

    private func attempt(
        _ delivery: Delivery, of config: A2A.TaskPushNotificationConfig
    ) async throws -> PushDelivery.Outcome {
        do {
            let response = try await poster.post(
                to: config.url, headers: try headers(of: delivery, config), body: delivery.body)
            return .responded(
                status: response.status,
                retryAfter: response.retryAfter.flatMap { RetryAfter.pause($0, now: .now) })
        } catch let error as LinkError {
            return .failed(error.code)
        }
    }

    private func headers(
        of delivery: Delivery, _ config: A2A.TaskPushNotificationConfig
    ) throws -> [(name: String, value: String)] {
        let timestamp = "\(Timestamp.now.microseconds / 1_000_000)"
        var headers = [
            (name: "Content-Type", value: "application/a2a+json"),
            (name: A2A.Version.headerName, value: A2A.Version.v1.description),
            (name: "webhook-id", value: delivery.id),
            (name: "webhook-timestamp", value: timestamp),
        ]
        if let authentication = config.authentication {
            let credentials = authentication.credentials.map { " \($0)" } ?? ""
            headers.append((name: "Authorization", value: authentication.scheme + credentials))
        }
        if let token = config.token { headers.append((name: "X-A2A-Notification-Token", value: token)) }
        if !configuration.signingKeys.isEmpty {
            let signatures = try configuration.signingKeys.map {
                try $0.signature(of: delivery.id, at: timestamp, delivery.body)
            }
            headers.append((name: "webhook-signature", value: signatures.joined(separator: " ")))
        }
        return headers
    }

    /// Logs what has happened to a delivery, without the URL: its path and its query may contain secrets.
    private func log(
        _ message: Logger.Message, _ reason: String, _ config: A2A.TaskPushNotificationConfig,
        _ context: CompanionContext
    ) {
        context.engine.logLimiter.log(
            .warning, message,
            metadata: [
                "run_id": "\(context.subject)", "push_config": "\(config.id?.rawValue.prefix(80) ?? "")",
                "reason": "\(reason)",
            ], to: logger)
    }
}
