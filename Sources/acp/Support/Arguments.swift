// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ArgumentParser
import Foundation

extension RunStatus: ExpressibleByArgument {}

extension ACPIdentifier {
    /// Parses an identifier.
    ///
    /// - Throws: `ValidationError` with the rule of valid identifiers.
    static func argument(_ text: String) throws -> Self {
        do {
            return try Self(validating: text)
        } catch {
            throw ValidationError(error.message)
        }
    }
}

/// The mode of a run.
struct ModeOptions: ParsableArguments {
    @Flag(help: "Print the agent's output as it is produced.")
    var stream = false

    @Flag(name: .customLong("async"), help: "Return at once. The first word of the output is the run's id.")
    var isAsync = false

    func validate() throws {
        if stream && isAsync { throw ValidationError("--stream and --async exclude each other.") }
    }
}

/// Returns an argument, or the text of the standard input if the argument is `-`.
func readText(_ argument: String) throws -> String {
    guard argument == "-" else { return argument }
    let data = try FileHandle.standardInput.readToEnd() ?? Data()
    guard let text = String(data: data, encoding: .utf8) else {
        throw ValidationError("The standard input is not UTF-8 text.")
    }
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
}

/// Returns the contents of a file or a pipe, or `nil` if it cannot be read.
func contents(ofFile path: String) -> Data? {
    guard let file = FileHandle(forReadingAtPath: path) else { return nil }
    defer { try? file.close() }
    do {
        return try file.readToEnd() ?? Data()
    } catch {
        return nil
    }
}
