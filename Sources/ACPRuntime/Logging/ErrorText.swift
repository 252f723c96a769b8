// SPDX-License-Identifier: Apache-2.0

import ACPStorage

/// Returns all that is known of an error, with its causes, for the log. Callers may not read it.
package func logText(of error: any Error) -> String {
    switch error {
    case let error as RunEngineError: error.storageError.map { "the storage failed: \($0)" } ?? "\(error)"
    case let error as LinkError: error.cause.map { "\(error) (\($0))" } ?? "\(error)"
    default: "\(error)"
    }
}
