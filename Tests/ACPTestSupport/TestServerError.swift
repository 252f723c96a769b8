// SPDX-License-Identifier: Apache-2.0

/// The error when something that a test requires cannot be set up.
public struct TestServerError: Error, CustomStringConvertible {
    /// The cause and the remedy.
    public let description: String

    /// Creates an error with a message that names the cause and the remedy.
    public init(_ description: String) {
        self.description = description
    }
}
