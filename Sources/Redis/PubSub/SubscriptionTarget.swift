// SPDX-License-Identifier: Apache-2.0

/// A channel, pattern or shard channel.
struct SubscriptionTarget: Hashable, Sendable {
    enum Kind: Hashable, Sendable, CaseIterable {
        case channel, pattern, shardChannel

        var subscribeCommand: String {
            switch self {
            case .channel: "SUBSCRIBE"
            case .pattern: "PSUBSCRIBE"
            case .shardChannel: "SSUBSCRIBE"
            }
        }

        var unsubscribeCommand: String {
            switch self {
            case .channel: "UNSUBSCRIBE"
            case .pattern: "PUNSUBSCRIBE"
            case .shardChannel: "SUNSUBSCRIBE"
            }
        }
    }

    var kind: Kind
    var name: String
}

/// A message on a subscription connection.
enum PubSubMessage: Equatable {
    case subscribed(SubscriptionTarget)
    /// The name is `nil` if there was no subscription.
    case unsubscribed(SubscriptionTarget.Kind, name: String?)
    case published(SubscriptionTarget, RedisMessage)
    /// The reply to `PING`.
    case pong
    case error(RESPError)
    /// Any other push or attribute.
    case other

    init(_ message: RESPMessage) {
        switch message {
        case .push(let elements):
            self = Self.parse(elements) ?? .other
        case .reply(let reply):
            if let error = reply.error {
                self = .error(error)
            } else if case .array(let elements) = reply, let parsed = Self.parse(elements) {
                // RESP2 has no pushes and sends the same content as an array.
                self = parsed
            } else {
                self = .pong
            }
        case .attribute:
            self = .other
        }
    }

    private static func parse(_ elements: [RESPValue]) -> PubSubMessage? {
        guard let word = elements.first?.string else { return nil }
        switch (word, elements.count) {
        case ("message", 3): return published(.channel, elements[1], elements[1], elements[2])
        case ("smessage", 3): return published(.shardChannel, elements[1], elements[1], elements[2])
        case ("pmessage", 4): return published(.pattern, elements[1], elements[2], elements[3])
        case ("subscribe", 3): return subscribed(.channel, elements[1])
        case ("psubscribe", 3): return subscribed(.pattern, elements[1])
        case ("ssubscribe", 3): return subscribed(.shardChannel, elements[1])
        case ("unsubscribe", 3): return .unsubscribed(.channel, name: elements[1].string)
        case ("punsubscribe", 3): return .unsubscribed(.pattern, name: elements[1].string)
        case ("sunsubscribe", 3): return .unsubscribed(.shardChannel, name: elements[1].string)
        case ("pong", 2): return .pong
        default: return nil
        }
    }

    private static func subscribed(_ kind: SubscriptionTarget.Kind, _ name: RESPValue) -> PubSubMessage? {
        name.string.map { .subscribed(SubscriptionTarget(kind: kind, name: $0)) }
    }

    private static func published(
        _ kind: SubscriptionTarget.Kind, _ target: RESPValue, _ channel: RESPValue, _ payload: RESPValue
    ) -> PubSubMessage? {
        guard let target = target.string, let channel = channel.string, let payload = payload.buffer else { return nil }
        let message = RedisMessage(channel: channel, pattern: kind == .pattern ? target : nil, payload: payload)
        return .published(SubscriptionTarget(kind: kind, name: target), message)
    }
}
