// SPDX-License-Identifier: Apache-2.0

/// The outcome of one check.
struct CheckResult: Encodable, Equatable, Sendable {
    enum Status: String, Encodable, Sendable {
        /// It works.
        case ok
        /// It works, but probably not as intended, or not for long.
        case warning
        /// A server would not start, or not work.
        case failed
        /// It was not checked, since a setting is not valid.
        case skipped
    }

    /// What was checked.
    let check: String
    let status: Status
    /// What was found, and the remedy if something is wrong.
    let message: String

    static func ok(_ check: String, _ message: String) -> Self { Self(check: check, status: .ok, message: message) }

    static func warning(_ check: String, _ message: String) -> Self {
        Self(check: check, status: .warning, message: message)
    }

    static func failed(_ check: String, _ message: String) -> Self {
        Self(check: check, status: .failed, message: message)
    }

    static func skipped(_ check: String) -> Self {
        Self(check: check, status: .skipped, message: "not checked, since its settings are not valid")
    }
}

/// The outcome of all checks, as `acp check --json` prints it.
struct CheckReport: Encodable {
    /// Whether no check has failed.
    let ok: Bool
    let checks: [CheckResult]

    init(_ checks: [CheckResult]) {
        ok = !checks.contains { $0.status == .failed }
        self.checks = checks
    }

    /// The lines for readers: one for each check.
    var lines: [String] {
        let width = checks.map(\.check.count).max() ?? 0
        return checks.map { result in
            let (word, style): (String, Style) =
                switch result.status {
                case .ok: ("ok     ", .green)
                case .warning: ("warning", .yellow)
                case .failed: ("failed ", .red)
                case .skipped: ("skipped", .dim)
                }
            let name = result.check + String(repeating: " ", count: width - result.check.count)
            return "\(style(word))  \(name)  \(result.message.printable)"
        }
    }
}
