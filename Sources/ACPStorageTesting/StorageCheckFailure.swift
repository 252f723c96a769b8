// SPDX-License-Identifier: Apache-2.0

/// The error of a ``StorageCheck`` whose storage does not provide a guarantee.
public struct StorageCheckFailure: Error, Sendable {
    /// The guarantee: the name of the check.
    public var check: String
    /// What was found instead.
    public var finding: String
    /// The file and the line in the suite at which the check failed.
    public var location: String

    init(_ check: String, _ finding: String, file: StaticString, line: UInt) {
        self.check = check
        self.finding = finding
        location = "\(file):\(line)"
    }
}

extension StorageCheckFailure: CustomStringConvertible {
    /// The guarantee, what was found instead, and the location.
    public var description: String { "check failed: \(check). \(finding) (\(location))" }
}
