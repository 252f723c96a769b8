// SPDX-License-Identifier: Apache-2.0

import ACPStorage

/// Returns the whole text of an error with its causes, for the log. It must not be sent to callers.
package func logText(of error: any Error) -> String {
    switch error {
    case let error as RunEngineError: error.storageError.map { "the storage failed: \($0)" } ?? "\(error)"
    case let error as LinkError: error.cause.map { "\(error) (\($0))" } ?? "\(error)"
    default: "\(error)"
    }
}
