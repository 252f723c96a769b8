// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation

/// Ends this process in order when it is interrupted: handlers that are registered for its exit, such as the removal of
/// PostgreSQL's files, still run. Servers end with it in any case.
struct Interruption {
    private let sources: [any DispatchSourceSignal]

    init() {
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { exit(128 + number) }
            source.resume()
            return source
        }
    }

    func forget() { sources.forEach { $0.cancel() } }
}
