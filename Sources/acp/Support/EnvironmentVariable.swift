// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ArgumentParser
import Foundation

/// Reads environment variables. White space and line breaks around values are ignored, because values often come from
/// files.
enum EnvironmentVariable {
    /// Returns the value of a variable, or `nil` if it is not set or empty.
    static func text(_ name: String) -> String? {
        guard let value = ProcessInfo.processInfo.environment[name] else { return nil }
        let text = value.trimmingCharacters(in: .whitespacesAndNewlines)
        return text.isEmpty ? nil : text
    }

    /// Returns the value of a variable with a secret, or `nil` if it is not set.
    ///
    /// - Throws: `ValidationError` if it is set, but empty, since then a file or a secret store did not provide the
    ///   secret.
    static func secret(_ name: String, otherwise: String) throws -> String? {
        guard ProcessInfo.processInfo.environment[name] != nil else { return nil }
        if let text = text(name) { return text }
        throw ValidationError("\(name) is set, but empty. Set it to the secret, or unset it: \(otherwise).")
    }

    /// Returns the bearer token of an option, or of a variable if the option is not set.
    static func token(option: String?, variable: String, otherwise: String) throws -> String? {
        let name = option == nil ? variable : "--token"
        let token = try option ?? secret(variable, otherwise: otherwise)
        if let token, let fault = BearerToken.fault(in: token) { throw ValidationError("\(name) \(fault).") }
        return token
    }
}
