// SPDX-License-Identifier: Apache-2.0

import HTTPTypes

extension HTTPField.Name {
    package static let runID = HTTPField.Name(known: "Run-ID")
    package static let idempotencyKey = HTTPField.Name(known: "Idempotency-Key")
    package static let lastEventID = HTTPField.Name(known: "Last-Event-ID")
    static let forwardedFor = HTTPField.Name(known: "X-Forwarded-For")
    /// The library has no public name for it, because it keeps it as the authority of a request.
    static let http1Host = HTTPField.Name(known: "Host")
    package static let accelBuffering = HTTPField.Name(known: "X-Accel-Buffering")

    /// Creates a name from a literal, which must be valid.
    package init(known name: String) {
        guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is not a header field name") }
        self = name
    }
}
