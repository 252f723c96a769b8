// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The number of resources and bytes that one run may still load by URL.
final class LinkBudget: Sendable {
    private struct Used {
        var loads = 0
        var bytes = 0
    }

    private let loads: Int
    private let bytes: Int
    private let used = Mutex(Used())

    init(_ configuration: EngineConfiguration) {
        loads = configuration.maximumLinkLoads
        bytes = configuration.maximumLinkBytes
    }

    /// Counts a resource that is about to be loaded.
    ///
    /// - Throws: ``LinkError`` if that exceeds a limit.
    func begin(_ url: String) throws(LinkError) {
        let (tooMany, tooLarge) = used.withLock { used in
            guard used.loads < loads else { return (true, false) }
            guard used.bytes <= bytes else { return (false, true) }
            used.loads += 1
            return (false, false)
        }
        if tooMany {
            throw LinkError(
                .tooMany,
                "\(LinkError.shown(url)) was not loaded: this run has loaded \(loads) resources, which is the limit "
                    + "(EngineConfiguration.maximumLinkLoads)")
        }
        if tooLarge { throw tooLargeError(url) }
    }

    /// Counts the bytes of a resource that was loaded.
    ///
    /// - Throws: ``LinkError`` if they exceed the limit.
    func end(_ url: String, bytes count: Int) throws(LinkError) {
        let isTooLarge = used.withLock { used in
            used.bytes += count
            return used.bytes > bytes
        }
        if isTooLarge { throw tooLargeError(url) }
    }

    private func tooLargeError(_ url: String) -> LinkError {
        LinkError(
            .tooLarge,
            "\(LinkError.shown(url)) was not loaded: this run may not load more than \(bytes) bytes in all "
                + "(EngineConfiguration.maximumLinkBytes)")
    }
}
