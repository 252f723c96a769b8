// SPDX-License-Identifier: Apache-2.0

/// What a ``StorageCheck`` throws when a storage does not do what it promises.
public struct BrokenPromise: Error, Sendable {
    /// The promise, as the check's name says it.
    public var promise: String
    /// What was found instead.
    public var finding: String
    /// Where in the suite this was noticed.
    public var place: String

    init(_ promise: String, _ finding: String, file: StaticString, line: UInt) {
        self.promise = promise
        self.finding = finding
        place = "\(file):\(line)"
    }
}

extension BrokenPromise: CustomStringConvertible {
    public var description: String { "broken promise: \(promise). \(finding) (\(place))" }
}
