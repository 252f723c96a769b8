// SPDX-License-Identifier: Apache-2.0

import ACPCore

extension Golden {
    /// Runs and their events.
    static let runs: [Golden] = [
        Golden(
            "AwaitRequest: message", AwaitRequest.message(Fixture.openMessage),
            #"{"type":"message","message":{"role":"agent","parts":[],"created_at":"2025-05-07T11:2"#
                + #"2:33.123456Z","completed_at":null}}"#),
        Golden(
            "AwaitRequest: another object", AwaitRequest.other(["type": "form", "fields": ["a"]]),
            #"{"type":"form","fields":["a"]}"#),
        Golden(
            "AwaitResume: message", AwaitResume.message(Fixture.openMessage),
            #"{"type":"message","message":{"role":"agent","parts":[],"created_at":"2025-05-07T11:2"#
                + #"2:33.123456Z","completed_at":null}}"#),
        Golden(
            "AwaitResume: another object", AwaitResume.other([:]),
            #"{}"#),
        Golden(
            "Run: created", Fixture.run(),
            #"{"run_id":"44e480bc-7e0d-4a0c-a6a0-1d0c3a1a7a10","agent_name":"echo","session_id":"9"#
                + #"f6a2b1c-0d3e-4f5a-8b7c-6d5e4f3a2b1c","status":"created","output":[],"created_at":"20"#
                + #"25-05-07T11:22:33.123456Z"}"#),
        Golden(
            "Run: without a session", Run(id: "r", agentName: "a", createdAt: Fixture.end),
            #"{"run_id":"r","agent_name":"a","status":"created","output":[],"created_at":"2025-05-"#
                + #"07T11:22:34Z"}"#),
        Golden(
            "Run: every member",
            Run(
                id: "r", agentName: "a_B", sessionID: "s", status: .awaiting,
                awaitRequest: .message(Fixture.openMessage),
                awaitDeadline: Fixture.end, exchange: [Fixture.openMessage], output: [Fixture.openMessage],
                error: Fixture.error, createdAt: Fixture.start,
                finishedAt: Fixture.end, statusChangedAt: Fixture.start, trace: ["traceparent": "00-1-2-01"],
                principal: "Ada"),
            #"{"run_id":"r","agent_name":"a_B","session_id":"s","status":"awaiting","await_request"#
                + #"":{"type":"message","message":{"role":"agent","parts":[],"created_at":"2025-05-07T11"#
                + #":22:33.123456Z","completed_at":null}},"await_deadline":"2025-05-07T11:22:34Z","excha"#
                + #"nge":[{"role":"agent","parts":[],"created_at":"2025-05-07T11:22:33.123456Z","comple"#
                + #"ted_at":null}],"output":[{"role":"agent","parts":[],"created_at":"2025-05-07T11:22:33.123456Z","completed"#
                + #"_at":null}],"error":{"code":"server_error","message":"no","data":{"retry":true}},"cr"#
                + #"eated_at":"2025-05-07T11:22:33.123456Z","finished_at":"2025-05-07T11:22:34Z","#
                + #""status_changed_at":"2025-05-07T11:22:33.123456Z","trace":{"traceparent":"00-1-2-01"},"#
                + #""principal":"Ada"}"#),
        Golden(
            "Event: run.created", Event.runCreated(Fixture.run()),
            #"{"type":"run.created","run":{"run_id":"44e480bc-7e0d-4a0c-a6a0-1d0c3a1a7a10","agent_"#
                + #"name":"echo","session_id":"9f6a2b1c-0d3e-4f5a-8b7c-6d5e4f3a2b1c","status":"created","#
                + #""output":[],"created_at":"2025-05-07T11:22:33.123456Z"}}"#),
        Golden(
            "Event: run.in-progress", Event.runInProgress(Fixture.run(.inProgress)),
            #"{"type":"run.in-progress","run":{"run_id":"44e480bc-7e0d-4a0c-a6a0-1d0c3a1a7a10","ag"#
                + #"ent_name":"echo","session_id":"9f6a2b1c-0d3e-4f5a-8b7c-6d5e4f3a2b1c","status":"in-pr"#
                + #"ogress","output":[],"created_at":"2025-05-07T11:22:33.123456Z"}}"#),
        Golden(
            "Event: run.awaiting", Event.runAwaiting(Fixture.run(.awaiting)),
            #"{"type":"run.awaiting","run":{"run_id":"44e480bc-7e0d-4a0c-a6a0-1d0c3a1a7a10","agent"#
                + #"_name":"echo","session_id":"9f6a2b1c-0d3e-4f5a-8b7c-6d5e4f3a2b1c","status":"awaiting"#
                + #"","await_request":{"type":"message","message":{"role":"agent","parts":[],"created_at"#
                + #"":"2025-05-07T11:22:33.123456Z","completed_at":null}},"output":[],"created_at":"2025"#
                + #"-05-07T11:22:33.123456Z"}}"#),
        Golden(
            "Event: run.completed", Event.runCompleted(Fixture.run(.completed)),
            #"{"type":"run.completed","run":{"run_id":"44e480bc-7e0d-4a0c-a6a0-1d0c3a1a7a10","agen"#
                + #"t_name":"echo","session_id":"9f6a2b1c-0d3e-4f5a-8b7c-6d5e4f3a2b1c","status":"complet"#
                + #"ed","output":[],"created_at":"2025-05-07T11:22:33.123456Z","finished_at":"2025-05-07"#
                + #"T11:22:34Z"}}"#),
        Golden(
            "Event: run.cancelled", Event.runCancelled(Fixture.run(.cancelled)),
            #"{"type":"run.cancelled","run":{"run_id":"44e480bc-7e0d-4a0c-a6a0-1d0c3a1a7a10","agen"#
                + #"t_name":"echo","session_id":"9f6a2b1c-0d3e-4f5a-8b7c-6d5e4f3a2b1c","status":"cancell"#
                + #"ed","output":[],"created_at":"2025-05-07T11:22:33.123456Z","finished_at":"2025-05-07"#
                + #"T11:22:34Z"}}"#),
        Golden(
            "Event: run.failed", Event.runFailed(Fixture.run(.failed)),
            #"{"type":"run.failed","run":{"run_id":"44e480bc-7e0d-4a0c-a6a0-1d0c3a1a7a10","agent_n"#
                + #"ame":"echo","session_id":"9f6a2b1c-0d3e-4f5a-8b7c-6d5e4f3a2b1c","status":"failed","o"#
                + #"utput":[],"error":{"code":"server_error","message":"no","data":{"retry":true}},"crea"#
                + #"ted_at":"2025-05-07T11:22:33.123456Z","finished_at":"2025-05-07T11:22:34Z"}}"#),
        Golden(
            "Event: message.created", Event.messageCreated(Fixture.openMessage),
            #"{"type":"message.created","message":{"role":"agent","parts":[],"created_at":"2025-05"#
                + #"-07T11:22:33.123456Z","completed_at":null}}"#),
        Golden(
            "Event: message.part", Event.messagePart(.text("Hi")),
            #"{"type":"message.part","part":{"content_type":"text/plain","content":"Hi","content_e"#
                + #"ncoding":"plain"}}"#),
        Golden(
            "Event: message.completed", Event.messageCompleted(Fixture.openMessage),
            #"{"type":"message.completed","message":{"role":"agent","parts":[],"created_at":"2025-"#
                + #"05-07T11:22:33.123456Z","completed_at":null}}"#),
        Golden(
            "Event: generic", Event.generic(["step": 3, "of": nil]),
            #"{"type":"generic","generic":{"step":3,"of":null}}"#),
        Golden(
            "Event: generic null", Event.generic(nil),
            #"{"type":"generic","generic":null}"#),
        Golden(
            "Event: error", Event.error(ACPError(.unavailable, "later")),
            #"{"type":"error","error":{"code":"unavailable","message":"later"}}"#),
        Golden(
            "Event: unknown", Event.unknown(["z": 1, "type": "new.kind"]),
            #"{"z":1,"type":"new.kind"}"#),
    ]
}
