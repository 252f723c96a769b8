// SPDX-License-Identifier: Apache-2.0

import ACPStorage

/// Which storage a server is to use, as the command line says it.
enum StorageSpecification: Equatable {
    /// In memory: gone when the server ends.
    case memory

    /// The accepted forms, for help and errors: one per line, the form and what it means.
    static let forms = [
        (form: "memory", meaning: "in memory, gone when the server ends")
    ]

    /// Not one of the accepted forms. Shows no more than the part before the first colon: what follows may hold a password.
    struct UnknownForm: Error, CustomStringConvertible {
        let scheme: String

        var description: String {
            let forms = StorageSpecification.forms.map { "\($0.form) (\($0.meaning))" }
            return "\"\(scheme)\" is no storage that this server knows: use \(forms.joined(separator: ", or "))"
        }
    }

    init(_ text: String) throws(UnknownForm) {
        switch text {
        case "memory", "memory:": self = .memory
        default: throw UnknownForm(scheme: String(text.prefix { $0 != ":" }.prefix(40)))
        }
    }

    /// Opens the storage. Whoever opens it closes it.
    func open() async throws -> any Storage {
        switch self {
        case .memory: MemoryStorage()
        }
    }
}
