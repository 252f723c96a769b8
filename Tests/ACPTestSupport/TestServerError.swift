// SPDX-License-Identifier: Apache-2.0

/// Something that a test needs could not be set up.
public struct TestServerError: Error, CustomStringConvertible {
    /// What is missing, and how to get it.
    public let description: String

    /// Makes an error with a message that names the cause and the remedy.
    public init(_ description: String) {
        self.description = description
    }
}
