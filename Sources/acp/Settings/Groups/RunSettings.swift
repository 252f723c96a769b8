// SPDX-License-Identifier: Apache-2.0

import ACPServer

/// How runs are executed.
struct RunSettings: SettingGroup {
    let maximumActive = Setting(
        "runs.maximumActive", flag: "max-runs", default: 1_000,
        help: "The maximum number of runs that execute at the same time. Further runs wait.", fault: Rule.atLeast(1))

    let maximumWaiting = Setting(
        "runs.maximumWaiting", flag: "max-waiting", default: 100,
        help: "The maximum number of waiting runs. Further runs are rejected with 503.", fault: Rule.atLeast(0))

    let sessionRuns = Setting(
        "runs.sessionRuns", flag: "session-runs", default: AgentPolicy.SessionRuns.overlap,
        help: "How concurrent runs of one session are handled: overlap, queue, or refuse (with 409).")

    let lease = Setting(
        "runs.lease", flag: "lease", valueName: "seconds", default: 15.0,
        help: """
            The lease: on a shared storage, other servers claim the runs of this one after this time without a heartbeat.
            """
    ) { $0 >= 0.1 && $0 <= 1e6 ? nil : "must be 0.1 to 1000000" }

    let grace = Setting(
        "runs.grace", flag: "grace", valueName: "seconds", default: 30.0,
        help: "How long active runs may continue after the first signal (SIGTERM, SIGINT)."
    ) { $0 >= 0 && $0 <= 1e9 ? nil : "must be 0 to 1000000000" }

    let leaveMemoryAfter = Setting(
        "runs.leaveMemoryAfter", flag: "leave-memory-after", valueName: "seconds", default: 60.0,
        help: """
            On a durable storage, runs that await an answer leave memory after this time, if their agents can be run again. \
            Their agents run again when they are answered. 0 keeps all runs in memory.
            """
    ) { $0 == 0 || $0 >= 0.1 && $0 <= 1e9 ? nil : "must be 0.1 to 1000000000, or 0" }

    let inlineLimit = Setting(
        "runs.inlineLimit", flag: "inline-limit", valueName: "bytes", default: 65_536,
        help: """
            Contents of message parts with more bytes than this are stored once, separately from their messages. 0 stores \
            all contents in their messages.
            """
    ) { $0 == 0 || $0 >= 256 ? nil : "must be 256 or more, or 0" }

    let reportErrorDescriptions = Setting(
        "runs.reportErrorDescriptions", flag: "report-error-descriptions", default: false,
        help: """
            Send callers the descriptions of all errors that agents throw, not only of those that are meant for them. For \
            development only: descriptions may contain secrets, paths and addresses. All errors are logged in any case.
            """)

    func apply(to configuration: inout ServerConfiguration, _ values: SettingValues) {
        let inlineLimit = values[inlineLimit]
        let leaveMemoryAfter = values[leaveMemoryAfter]
        configuration.engine = EngineConfiguration(
            maximumActiveRuns: values[maximumActive], maximumQueuedRuns: values[maximumWaiting],
            sessionRuns: values[sessionRuns], lease: .seconds(values[lease]), shutdownGrace: .seconds(values[grace]),
            awaitingRunsLeaveMemoryAfter: leaveMemoryAfter > 0 ? .seconds(leaveMemoryAfter) : nil,
            inlineContentLimit: inlineLimit > 0 ? inlineLimit : nil,
            reportsErrorDescriptions: values[reportErrorDescriptions])
    }
}
