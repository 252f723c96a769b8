// SPDX-License-Identifier: Apache-2.0

import ACPCore
import ArgumentParser
import Foundation

extension RunStatus: ExpressibleByArgument {}

extension ACPIdentifier {
    /// The identifier of that text, or an error that says what a valid one looks like.
    static func argument(_ text: String) throws -> Self {
        do {
            return try Self(validating: text)
        } catch {
            throw ValidationError(error.message)
        }
    }
}

/// How the answer of a run is wanted.
struct ModeOptions: ParsableArguments {
    @Flag(help: "Print what the agent says as it says it.")
    var stream = false

    @Flag(name: .customLong("async"), help: "Return at once. The first word of what is printed is the run's id.")
    var isAsync = false

    func validate() throws {
        if stream && isAsync { throw ValidationError("--stream and --async exclude each other.") }
    }
}

/// Text from the command line, or from the standard input if it is `-`.
func readText(_ argument: String) throws -> String {
    guard argument == "-" else { return argument }
    let data = try FileHandle.standardInput.readToEnd() ?? Data()
    guard let text = String(data: data, encoding: .utf8) else {
        throw ValidationError("The standard input is not UTF-8 text.")
    }
    return text.hasSuffix("\n") ? String(text.dropLast()) : text
}

/// What a file holds, be it a pipe. Nil if it cannot be read.
func contents(ofFile path: String) -> Data? {
    guard let file = FileHandle(forReadingAtPath: path) else { return nil }
    defer { try? file.close() }
    do {
        return try file.readToEnd() ?? Data()
    } catch {
        return nil
    }
}
