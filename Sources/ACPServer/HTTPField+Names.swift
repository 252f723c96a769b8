// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

extension HTTPField.Name {
    static let runID = HTTPField.Name(known: "Run-ID")
    static let idempotencyKey = HTTPField.Name(known: "Idempotency-Key")
    static let lastEventID = HTTPField.Name(known: "Last-Event-ID")
    static let accelBuffering = HTTPField.Name(known: "X-Accel-Buffering")

    /// Creates a name from a literal, which must be valid.
    init(known name: String) {
        guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is not a header field name") }
        self = name
    }
}
