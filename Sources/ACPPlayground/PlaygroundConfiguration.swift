// SPDX-License-Identifier: Apache-2.0

public import ACPCore

/// What the playground of a server offers.
public struct PlaygroundConfiguration: Sendable {
    /// Returns figures about the storage, such as numbers of rows and bytes, for the page of operators.
    ///
    /// Members are shown in their order: numbers whose names end in `bytes` as sizes, arrays of objects as tables. It is
    /// called for authenticated requests, when a user asks for the figures. If `nil`, the page shows none.
    public var storageStatistics: (@Sendable () async throws -> JSONObject)?

    /// Creates a configuration.
    ///
    /// - Parameter storageStatistics: Returns figures about the storage. Defaults to none.
    public init(storageStatistics: (@Sendable () async throws -> JSONObject)? = nil) {
        self.storageStatistics = storageStatistics
    }
}
