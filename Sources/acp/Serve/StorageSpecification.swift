// SPDX-License-Identifier: Apache-2.0

import ACPRedis
import ACPStorage

/// Which storage to use, as the command line says it.
enum StorageSpecification: Equatable {
    /// In memory: gone when the server ends.
    case memory
    /// In Redis, at a URL, or where `REDIS_URL` says.
    case redis(url: String?)

    /// The accepted forms, for help and errors: one per line, the form and what it means.
    static let forms = [
        (form: "memory", meaning: "in memory, gone when the server ends"),
        (form: "redis", meaning: "in Redis, where $REDIS_URL says, else on this machine"),
        (form: "redis://[user:password@]host[:port][/db]", meaning: "in Redis; rediss:// for TLS"),
        (form: "unix:///path/to/redis.sock", meaning: "in Redis, through a Unix socket"),
        (
            form: "redis+sentinel://[user:password@]host[:port],…/master-name[/db]",
            meaning: "in Redis, found through Sentinels; rediss+sentinel:// for TLS"
        ),
        (
            form: "redis+cluster://[user:password@]host[:port],…",
            meaning: "in a Redis Cluster; rediss+cluster:// for TLS"
        ),
    ]

    /// Not one of the accepted forms. Shows no more than the part before the first colon: what follows may hold a
    /// password.
    struct UnknownForm: Error, CustomStringConvertible {
        let scheme: String

        var description: String {
            let forms = StorageSpecification.forms.map { "\($0.form) (\($0.meaning))" }
            return "\"\(scheme)\" is no storage that this server knows: use \(forms.joined(separator: ", or "))"
        }
    }

    private static let redisSchemes = [
        "redis://", "rediss://", "unix://", "redis+sentinel://", "rediss+sentinel://", "redis+cluster://",
        "rediss+cluster://",
    ]

    init(_ text: String) throws(UnknownForm) {
        switch text {
        case "memory", "memory:": self = .memory
        case "redis": self = .redis(url: nil)
        case _ where Self.redisSchemes.contains { text.hasPrefix($0) }: self = .redis(url: text)
        default: throw UnknownForm(scheme: String(text.prefix { $0 != ":" }.prefix(40)))
        }
    }

    /// Opens the storage. Whoever opens it closes it.
    ///
    /// - Throws: `RedisError` if the URL is wrong.
    func open(prefix: String, timeToLive: Duration) throws -> any Storage {
        switch self {
        case .memory: MemoryStorage(.init(timeToLive: timeToLive))
        case .redis(let url): try RedisStorage(url: url, ttl: timeToLive, prefix: prefix)
        }
    }
}
