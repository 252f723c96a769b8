// SPDX-License-Identifier: Apache-2.0

import ACPClient
import ACPCore
import HTTPTestSupport
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization
import Testing

@testable import A2AClient

@Suite("Streams of tasks")
struct StreamTests {
    private let words = WordTask()

    /// Returns a response with elements, which are cut when the client has read them.
    private func cut(
        _ elements: [A2A.StreamResponse], numberedFrom first: Int? = nil, isJSONRPC: Bool = true, _ tally: Tally,
        after count: Int
    ) throws -> Response {
        eventStream(
            try events(elements, numberedFrom: first, isJSONRPC: isJSONRPC), cutAfter: (tally, count))
    }

    private func read(_ stream: TaskStream, _ tally: Tally = Tally()) async throws -> [A2A.StreamResponse] {
        var elements: [A2A.StreamResponse] = []
        for try await element in stream {
            elements.append(element)
            tally.add()
        }
        return elements
    }

    @Test(arguments: [A2A.ProtocolBinding.jsonRPC, .httpJSON])
    func aStreamDeliversTheElementsInBothBindings(binding: A2A.ProtocolBinding) async throws {
        let pieces = try events(words.elements, isJSONRPC: binding == .jsonRPC)
        let server = ScriptedServer([{ _ in eventStream([": ping\r\n\r\n"] + pieces) }])
        try await server.serve(binding) { client in
            let stream = try await client.streamMessage("hi")
            let elements = try await read(stream)
            #expect(elements == words.elements)
            #expect(stream.taskID == words.id)
            await #expect(throws: A2AClientError.self) { for try await _ in stream {} }
        }
        #expect(server.seen.count == 1)
        #expect(server.seen.first?.headers[.accept] == "text/event-stream")
    }

    @Test func aNumberedStreamContinuesAfterTheLastEvent() async throws {
        let tally = Tally()
        let server = ScriptedServer([
            { _ in try cut(Array(words.elements[..<3]), numberedFrom: 0, tally, after: 3) },
            // This server begins with an event that was delivered.
            { _ in try cut(Array(words.elements[2..<4]), numberedFrom: 2, tally, after: 4) },
            { _ in eventStream(try events(Array(words.elements[4...]), numberedFrom: 4)) },
        ])
        let changes = Mutex<[A2AClient.StreamConnectionChange]>([])
        var configuration = A2AClient.Configuration.quick
        configuration.onStreamConnectionChange = { change in changes.withLock { $0.append(change) } }
        try await server.serve(configuration: configuration) { client in
            let elements = try await read(client.streamMessage("hi"), tally)
            #expect(elements == words.elements)
        }
        #expect(server.seen.map(\.rpcMethod) == ["SendStreamingMessage", "SubscribeToTask", "SubscribeToTask"])
        #expect(server.seen.map { $0.headers[.lastEventID] } == [nil, "2", "3"])
        #expect(try server.seen[1].params(A2A.SubscribeToTaskRequest.self).id == words.id)
        changes.withLock { changes in
            #expect(changes.count == 4)
            if case .lost(let task, _)? = changes.first { #expect(task == words.id) }
            #expect(changes.last == .restored(task: words.id))
        }
    }

    @Test func aStreamOfAnotherServerContinuesWithTheDifferencesOfItsState() async throws {
        let state = words.task(.working, at: 1, words: ["one ", "two "])
        let server = ScriptedServer([
            // Ended without an error, which is a cut as well.
            { _ in eventStream(try events(Array(words.elements[..<3]))) },
            { _ in eventStream(try events([.task(state), words.changed(.working, at: 1)] + words.elements[4...])) },
        ])
        try await server.serve { client in
            let elements = try await read(client.streamMessage("hi"))
            #expect(elements == words.elements)
        }
        #expect(server.seen.map { $0.headers[.lastEventID] } == [nil, nil])
    }

    @Test func aSubscriptionThatTheServerRefusesAsPOSTIsMadeAsGET() async throws {
        let server = ScriptedServer([
            { _ in text("", status: .methodNotAllowed) },
            { _ in eventStream(try events(Array(words.elements[..<2]), isJSONRPC: false)) },
            { _ in eventStream(try events([.task(words.task(.completed, at: 2))], isJSONRPC: false)) },
        ])
        try await server.serve(.httpJSON) { client in
            let elements = try await read(client.subscribe(to: words.id))
            #expect(elements == words.elements[..<2] + [words.changed(.completed, at: 2)])
        }
        #expect(server.lines == ["POST", "GET", "GET"].map { "\($0) /a2a/tasks/task-1:subscribe" })
    }

    @Test func aTaskThatHasEndedMeanwhileIsFetched() async throws {
        let ended = words.task(.completed, at: 2, words: ["one ", "two ", "three"])
        let server = ScriptedServer([
            { _ in eventStream(try events(Array(words.elements[..<3]))) },
            { _ in failure(A2AError(.unsupportedOperation, "the task has ended")) },
            { _ in try result(ended) },
        ])
        try await server.serve { client in
            var task: A2A.Task?
            for try await element in try await client.streamMessage("hi") {
                if case .task(let first) = element { task = first }
                task?.apply(element)
            }
            #expect(task == ended)
        }
        #expect(server.seen.map(\.rpcMethod) == ["SendStreamingMessage", "SubscribeToTask", "GetTask"])
    }

    @Test func aSubscriptionToATaskThatHasEndedDeliversTheTask() async throws {
        let ended = words.task(.failed)
        let server = ScriptedServer([
            { _ in failure(A2AError(.unsupportedOperation, "the task has ended")) }, { _ in try result(ended) },
        ])
        try await server.serve { client in
            let elements = try await read(client.subscribe(to: words.id))
            #expect(elements == [.task(ended)])
        }
    }

    @Test func aSubscriptionToAnUnknownTaskThrowsTheErrorOfTheServer() async throws {
        let server = ScriptedServer([{ _ in failure(A2AError(.taskNotFound, "there is no task task-1")) }])
        try await server.serve { client in
            let error = await clientError { _ = try await read(client.subscribe(to: words.id)) }
            #expect(error?.code == .serverError)
            #expect(error?.serverError?.code == .taskNotFound)
        }
    }

    @Test func aTaskOfAServerWithoutSubscriptionsIsPolled() async throws {
        let states = [words.task(.working, at: 1), words.task(.working, at: 1), words.task(.completed, at: 2)]
        let unsupported: ScriptedServer.Handler = { _ in failure(A2AError(.unsupportedOperation, "no streams")) }
        let server = ScriptedServer([unsupported] + states.map { state in { @Sendable _ in try result(state) } })
        try await server.serve { client in
            let elements = try await read(client.subscribe(to: words.id))
            #expect(elements == [.task(states[0]), words.changed(.completed, at: 2)])
        }
        #expect(server.seen.dropFirst().allSatisfy { $0.rpcMethod == "GetTask" })
    }

    @Test func aSubscriptionContinuesAfterAKnownEvent() async throws {
        let server = ScriptedServer([{ _ in eventStream(try events(Array(words.elements[4...]), numberedFrom: 4)) }])
        try await server.serve { client in
            let stream = client.subscribe(to: words.id, after: "3")
            let elements = try await read(stream)
            #expect(elements == Array(words.elements[4...]))
            #expect(stream.lastEventID == "5")
        }
        #expect(server.seen.first?.headers[.lastEventID] == "3")
    }

    @Test func aStreamEndsAtAQuestionEvenIfTheServerKeepsItOpen() async throws {
        let server = ScriptedServer([
            { seen in
                Response(
                    status: .ok, headers: [.contentType: "text/event-stream"],
                    body: ResponseBody { writer in
                        for piece in try events([words.elements[0], words.changed(.inputRequired, at: 3)]) {
                            try await writer.write(.init(string: piece))
                        }
                        await seen.hang()
                        try await writer.finish(nil)
                    })
            }
        ])
        try await server.serve { client in
            let elements = try await read(try await client.streamMessage("hi"))
            #expect(elements.last == words.changed(.inputRequired, at: 3))
        }
    }

    @Test(arguments: [
        "event: error\ndata: {\"jsonrpc\":\"2.0\",\"id\":\"1\",\"error\":{\"code\":-32603,\"message\":\"broken\"}}\n\n",
        "event: error\ndata: {\"error\":{\"code\":500,\"status\":\"INTERNAL\",\"message\":\"broken\"}}\n\n",
        "event: error\ndata: broken\n\n",
        "data: {\"jsonrpc\":\"2.0\",\"id\":\"1\",\"error\":{\"code\":-32603,\"message\":\"broken\"}}\n\n",
    ])
    func anErrorInAStreamIsTheCauseIfItCannotBeContinued(event: String) async throws {
        let server = ScriptedServer([
            { _ in eventStream(try events(Array(words.elements[..<2])) + [event]) },
            { _ in failure(A2AError(.taskNotFound, "there is no task")) },
        ])
        var configuration = A2AClient.Configuration.quick
        configuration.reconnection = .never
        try await server.serve(configuration: configuration) { client in
            let error = await clientError { _ = try await read(try await client.streamMessage("hi")) }
            #expect(error?.code == .streamBroken)
            #expect(error?.message.contains("broken") == true)
            #expect(error?.taskID == words.id)
        }
        try await server.serve { client in
            let error = await clientError { _ = try await read(try await client.streamMessage("hi")) }
            #expect(error != nil)
        }
    }

    @Test func anErrorBeforeTheFirstElementIsThrownByTheCall() async throws {
        for (binding, response) in [
            (A2A.ProtocolBinding.jsonRPC, failure(A2AError(.invalidParams, "no parts"))),
            (.httpJSON, httpFailure(A2AError(.invalidParams, "no parts"))),
        ] {
            try await ScriptedServer([{ _ in response }]).serve(binding) { client in
                let error = await clientError { _ = try await client.streamMessage("hi") }
                #expect(error?.serverError?.code == .invalidParams)
            }
        }
        try await ScriptedServer([{ _ in text("<html>") }]).serve { client in
            let error = await clientError { _ = try await client.streamMessage("hi") }
            #expect(error?.code == .invalidResponse)
            #expect(error?.message.contains("<html>") == true)
        }
    }

    @Test func aStreamThatMakesNoProgressIsGivenUp() async throws {
        let server = ScriptedServer([{ _ in eventStream(try events([.task(words.task(.working))])) }])
        try await server.serve { client in
            let error = await clientError { _ = try await read(try await client.streamMessage("hi")) }
            #expect(error?.code == .streamBroken)
            #expect(error?.message.contains("10 attempts") == true, "\(String(describing: error))")
        }
        #expect(server.seen.count == 11)
    }

    @Test func aNewTaskWhoseStreamWasCutBeforeItsFirstElementIsSentAgainOnlyIfTheServerRecognizesIt() async throws {
        let handlers: [ScriptedServer.Handler] = [
            { _ in eventStream([], cut: true) }, { _ in eventStream(try events(words.elements)) },
        ]
        let server = ScriptedServer(handlers)
        try await server.serve { client in
            let error = await clientError { _ = try await read(try await client.streamMessage("hi")) }
            #expect(error?.code == .streamBroken || error?.code == .connectionLost)
        }
        #expect(server.seen.count == 1)
        let other = ScriptedServer(handlers)
        try await other.serve(extensions: [.init(uri: A2A.Extensions.idempotentSending)]) { client in
            let elements = try await read(client.streamMessage("hi"))
            #expect(elements == words.elements)
        }
        #expect(Set(other.seen.map { $0.headers[.idempotencyKey] }).count == 1)
        #expect(other.seen.map(\.rpcMethod) == ["SendStreamingMessage", "SendStreamingMessage"])
    }

    @Test func aServerThatIsUnavailableForAWhileIsAskedAgain() async throws {
        let busy: ScriptedServer.Handler = { _ in text("busy", status: .serviceUnavailable) }
        let server = ScriptedServer([
            { _ in eventStream(try events(Array(words.elements[..<3]), numberedFrom: 0)) }, busy, busy,
            { _ in eventStream(try events(Array(words.elements[3...]), numberedFrom: 3)) },
        ])
        try await server.serve { client in
            let elements = try await read(client.streamMessage("hi"))
            #expect(elements == words.elements)
        }
    }

    @Test func aConnectionOnWhichNothingArrivesIsReplacedWithoutAnOutage() async throws {
        let server = ScriptedServer([
            { seen in
                let pieces = try events(Array(words.elements[..<3]), numberedFrom: 0)
                return Response(
                    status: .ok, headers: [.contentType: "text/event-stream"],
                    body: ResponseBody { writer in
                        for piece in pieces { try await writer.write(.init(string: piece)) }
                        await seen.hang()
                        try await writer.finish(nil)
                    })
            },
            { _ in eventStream(try events(Array(words.elements[3...]), numberedFrom: 3)) },
        ])
        let outages = Tally()
        var configuration = A2AClient.Configuration.quick
        // Long enough for the head of the response on a busy machine.
        configuration.timeouts.streamIdle = .seconds(3)
        configuration.onStreamConnectionChange = { _ in outages.add() }
        try await server.serve(configuration: configuration) { client in
            let elements = try await read(client.streamMessage("hi"))
            #expect(elements == words.elements)
        }
        #expect(server.seen.last?.headers[.lastEventID] == "2")
        #expect(outages.count == 0)
    }

    @Test func dataThatAreNotA2AEndTheStreamWithAnError() async throws {
        let server = ScriptedServer([
            { _ in
                eventStream(try events(Array(words.elements[..<1])) + ["event: ping\ndata: x\n\n", "data: [1]\n\n"])
            }
        ])
        try await server.serve { client in
            let error = await clientError { _ = try await read(try await client.streamMessage("hi")) }
            #expect(error?.code == .invalidResponse)
            #expect(error?.message.contains("[1]") == true)
        }
    }
}
