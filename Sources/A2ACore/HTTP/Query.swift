// SPDX-License-Identifier: Apache-2.0

import ACPCore

// The queries of requests, as clients write them.

extension A2A.GetTaskRequest {
    /// The query of the request over HTTP, percent-encoded. Empty if there are no parameters.
    public var query: String {
        A2A.query([("historyLength", historyLength.map(String.init))])
    }
}

extension A2A.ListTasksRequest {
    /// The query of the request over HTTP, percent-encoded. Empty if there are no parameters.
    public var query: String {
        A2A.query([
            ("contextId", contextID?.rawValue.ifNotEmpty),
            ("status", status == .unspecified ? nil : status?.rawValue),
            ("pageSize", pageSize.map(String.init)),
            ("pageToken", pageToken?.ifNotEmpty),
            ("historyLength", historyLength.map(String.init)),
            ("statusTimestampAfter", statusTimestampAfter?.millisecondDescription),
            ("includeArtifacts", includesArtifacts.map(String.init)),
        ])
    }
}

extension A2A.ListTaskPushNotificationConfigsRequest {
    /// The query of the request over HTTP, percent-encoded. Empty if there are no parameters.
    public var query: String {
        A2A.query([
            ("pageSize", pageSize == 0 ? nil : pageSize.map(String.init)), ("pageToken", pageToken?.ifNotEmpty),
        ])
    }
}

extension A2A {
    fileprivate static func query(_ parameters: [(name: String, value: String?)]) -> String {
        parameters.compactMap { parameter in
            parameter.value.map { parameter.name + "=" + PercentEncoding.encode($0) }
        }.joined(separator: "&")
    }
}
