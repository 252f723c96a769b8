// SPDX-License-Identifier: Apache-2.0

import A2ACore
import ACPCore

/// A configuration as it is stored, with the index of the first event that is delivered.
struct PushJob {
    let config: A2A.TaskPushNotificationConfig
    let start: Int

    init(_ config: A2A.TaskPushNotificationConfig, from start: Int) { (self.config, self.start) = (config, start) }

    /// Reads what ``json()`` has returned.
    init(_ json: JSONValue) throws {
        guard let config = json["config"], let start = json["start"]?.intValue else {
            throw ACPError(.serverError, "a push notification configuration cannot be read")
        }
        self.init(try A2AJSON.decode(from: try ACPJSON.encode(config)), from: start)
    }

    func json() throws -> JSONValue {
        let config: JSONValue = try ACPJSON.decode(from: try A2AJSON.encode(config))
        return ["config": config, "start": .integer(Int64(start))]
    }
}

/// How far the deliveries of a configuration have come.
struct PushProgress: Equatable {
    /// The number of events that are done with.
    var events: Int
    /// The number of elements of the next event that are done with.
    var elements = 0
    /// The number of consecutive elements of which all attempts have failed.
    var failures = 0
    /// Whether nothing more is delivered.
    var isStopped = false

    init(start: Int) { events = start }

    init(_ json: JSONValue?, start: Int) {
        self.init(start: start)
        guard let json, let events = json["events"]?.intValue else { return }
        self.events = events
        elements = json["elements"]?.intValue ?? 0
        failures = json["failures"]?.intValue ?? 0
        isStopped = json["stopped"] == true
    }

    var json: JSONValue {
        var members: JSONObject = ["events": .integer(Int64(events))]
        if elements > 0 { members["elements"] = .integer(Int64(elements)) }
        if failures > 0 { members["failures"] = .integer(Int64(failures)) }
        if isStopped { members["stopped"] = true }
        return .object(members)
    }

    /// Moves over an element of the next event.
    mutating func advance(isLast: Bool) {
        if isLast { (events, elements) = (events + 1, 0) } else { elements += 1 }
    }
}
