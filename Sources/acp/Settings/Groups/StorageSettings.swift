// SPDX-License-Identifier: Apache-2.0

import ACPStorage

/// The storage of runs, events and sessions.
struct StorageSettings: SettingGroup {
    let url = Setting(
        "storage.url", flag: "storage", valueName: "storage", default: "sqlite", secrecy: .urlCredentials,
        help: "The storage of runs, events and sessions, in one of the forms below."
    ) { text in
        do throws(StorageSpecification.UnknownForm) {
            _ = try StorageSpecification(text)
            return nil
        } catch {
            return "is not valid: \(error)"
        }
    }

    let prefix = Setting(
        "storage.prefix", flag: "prefix", valueName: "prefix", default: "acp:", help: "The prefix of all keys in Redis."
    ) { $0.isEmpty ? "must not be empty" : nil }

    let timeToLive = Setting<Int?>(
        "storage.timeToLive", flag: "ttl", valueName: "seconds",
        otherwise: "86400 in Redis; in SQLite and PostgreSQL until it is deleted",
        help: """
            How long a run is stored after its last update (in SQLite: after its end), and a session after its last use. Not \
            for PostgreSQL.
            """, fault: Rule.within(1...3_153_600_000))

    func problems(in values: SettingValues) -> [SettingProblem] {
        guard case .postgres = specification(values), values[timeToLive] != nil else { return [] }
        return [
            SettingProblem(
                [timeToLive.key],
                "\(values.name(of: timeToLive)) is not supported for PostgreSQL, which stores runs until they are deleted: see acp storage prune"
            )
        ]
    }

    /// The storage of valid settings.
    func specification(_ values: SettingValues) -> StorageSpecification {
        (try? StorageSpecification(values[url])) ?? .sqlite(path: nil)
    }
}
