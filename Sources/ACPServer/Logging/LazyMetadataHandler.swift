// SPDX-License-Identifier: Apache-2.0

import Logging

/// Keeps metadata that is added to a logger until a message is logged with it.
///
/// Hummingbird adds an id to the logger of each request, with which hardly any request logs a message. Other handlers may
/// format their metadata whenever it changes.
struct LazyMetadataHandler: LogHandler {
    private var base: any LogHandler
    private var added: Logger.Metadata = [:]

    init(_ base: any LogHandler) { self.base = base }

    var logLevel: Logger.Level {
        get { base.logLevel }
        set { base.logLevel = newValue }
    }

    var metadataProvider: Logger.MetadataProvider? {
        get { base.metadataProvider }
        set { base.metadataProvider = newValue }
    }

    var metadata: Logger.Metadata {
        get { base.metadata.merging(added) { $1 } }
        set {
            base.metadata = newValue
            added = [:]
        }
    }

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { added[key] ?? base[metadataKey: key] }
        set {
            added[key] = newValue
            if newValue == nil { base[metadataKey: key] = nil }
        }
    }

    func log(event: LogEvent) {
        guard !added.isEmpty else { return base.log(event: event) }
        var handler = base
        for (key, value) in added { handler[metadataKey: key] = value }
        handler.log(event: event)
    }
}
