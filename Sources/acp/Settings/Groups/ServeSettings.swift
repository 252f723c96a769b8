// SPDX-License-Identifier: Apache-2.0

import ACPServer

/// All settings of `acp serve`.
enum ServeSettings: SettingScope {
    static let listening = ListeningSettings()
    static let storage = StorageSettings()
    static let runs = RunSettings()
    static let limits = LimitSettings()
    static let authentication = AuthenticationSettings()
    static let tokens = TokenSettings()
    static let tls = TLSServerSettings()
    static let urls = URLSettings()
    static let browsers = BrowserSettings()
    static let links = LinkSettings()
    static let a2a = A2ASettings()
    static let playground = PlaygroundSettings()
    static let metrics = MetricsSettings()
    static let log = LogSettings()

    static let groups: [any SettingGroup] = [
        listening, storage, runs, limits, authentication, tokens, tls, urls, browsers, links, a2a, playground,
        metrics, log,
    ]

    static let definitions: [any SettingDefinition] = groups.flatMap(\.definitions)
}

extension ServeSettings {
    /// Returns the configuration of a server with valid settings, without its metrics, which need a factory.
    ///
    /// - Throws: `ServerError` if a file has changed since the settings were checked.
    static func configuration(_ values: SettingValues) throws(ServerError) -> ServerConfiguration {
        var configuration = ServerConfiguration()
        listening.apply(to: &configuration, values)
        runs.apply(to: &configuration, values)
        limits.apply(to: &configuration, values)
        try authentication.apply(to: &configuration, values)
        tls.apply(to: &configuration, values)
        urls.apply(to: &configuration, values)
        browsers.apply(to: &configuration, values)
        links.apply(to: &configuration, values)
        configuration.logsRequests = values[log.requests]
        return configuration
    }
}

/// The settings of commands that access a storage.
enum StorageScope: SettingScope {
    static let groups: [any SettingGroup] = [ServeSettings.storage]
}

/// Rules of values that are numbers.
enum Rule {
    static func within<Number: Comparable & Sendable>(
        _ range: ClosedRange<Number>
    ) -> @Sendable (Number) -> String? {
        { range.contains($0) ? nil : "must be \(range.lowerBound) to \(range.upperBound)" }
    }

    static func atLeast<Number: Comparable & Sendable>(_ minimum: Number) -> @Sendable (Number) -> String? {
        { $0 >= minimum ? nil : "must be \(minimum) or more" }
    }
}
