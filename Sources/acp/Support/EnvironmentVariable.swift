// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ArgumentParser
import Foundation

/// Reads what the tool takes from the environment. Values often come from files, so white space and line breaks around them do not
/// count.
enum EnvironmentVariable {
    /// The value, or `nil` if the variable is not set or is empty.
    static func text(_ name: String) -> String? {
        guard let value = ProcessInfo.processInfo.environment[name] else { return nil }
        let text = value.trimmingCharacters(in: .whitespacesAndNewlines)
        return text.isEmpty ? nil : text
    }

    /// The value of a variable that holds a secret, or `nil` if it is not set.
    ///
    /// - Throws: `ValidationError` if it is set and empty: then a file or a secret store did not give what it should have.
    static func secret(_ name: String, otherwise: String) throws -> String? {
        guard ProcessInfo.processInfo.environment[name] != nil else { return nil }
        if let text = text(name) { return text }
        throw ValidationError("\(name) is set, but empty. Put the secret into it, or unset it: \(otherwise).")
    }

    /// The bearer token of an option, or else of a variable.
    static func token(option: String?, variable: String, otherwise: String) throws -> String? {
        let name = option == nil ? variable : "--token"
        let token = try option ?? secret(variable, otherwise: otherwise)
        if let token, let fault = BearerToken.fault(in: token) { throw ValidationError("\(name) \(fault).") }
        return token
    }
}
