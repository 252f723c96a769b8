// SPDX-License-Identifier: Apache-2.0

import ACPServer

/// The limits of requests, of connections and of each caller.
struct LimitSettings: SettingGroup {
    let bodyBytes = Setting(
        "limits.bodyBytes", flag: "max-body", valueName: "bytes", default: 4 * 1_048_576,
        help: "The maximum size of a request body. Larger bodies are rejected with 413.", fault: Rule.atLeast(1))

    let connections = Setting(
        "limits.connections", flag: "max-connections", default: ConnectionConfiguration().maximumCount,
        help: "The maximum number of connections. Further ones receive 503.", fault: Rule.atLeast(1))

    let requestsPerSecond = Setting<Double?>(
        "limits.requestsPerSecond", flag: "requests-per-second", otherwise: "no limit",
        help: """
            How many requests of one caller are accepted per second in the long run; further ones are rejected with 429. A \
            caller is an accepted token, a client certificate or an address.
            """
    ) { (rate: Double) in rate >= 0.001 && rate <= 1_000_000 ? nil : "must be 0.001 to 1000000" }

    let requestBurst = Setting(
        "limits.requestBurst", flag: "request-burst", default: CallerLimits().requestBurst,
        help: "How many requests a caller may send at once, with --requests-per-second.", fault: Rule.atLeast(1))

    let streams = Setting<Int?>(
        "limits.streams", flag: "max-streams", otherwise: "no limit",
        help: "How many streams one caller may have open at the same time; further ones are rejected with 429.",
        fault: Rule.atLeast(1))

    let streamBytes = Setting<Int?>(
        "limits.streamBytes", flag: "max-stream-bytes", valueName: "bytes", otherwise: "no limit",
        help: "The size of a stream after which it ends, so that its client reconnects.", fault: Rule.atLeast(1))

    func apply(to configuration: inout ServerConfiguration, _ values: SettingValues) {
        configuration.maximumBodySize = values[bodyBytes]
        configuration.connections = ConnectionConfiguration(maximumCount: values[connections])
        configuration.callers = CallerLimits(
            requestsPerSecond: values[requestsPerSecond], requestBurst: values[requestBurst],
            maximumStreams: values[streams], maximumStreamBytes: values[streamBytes])
    }
}
