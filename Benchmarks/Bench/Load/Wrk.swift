// SPDX-License-Identifier: Apache-2.0

import BenchSupport
import Foundation

/// Sync runs of the echo agent, posted by wrk.
struct Wrk {
    /// The protocol of the requests.
    enum Call: String, CaseIterable {
        case acp = "ACP"
        case jsonRPC = "A2A, JSON-RPC"
        case http = "A2A, HTTP+JSON"
        case acpStream = "ACP, streamed"
        case jsonRPCStream = "A2A, JSON-RPC, streamed"

        /// The call over ACP that does the same.
        var counterpart: Call {
            switch self {
            case .acp, .jsonRPC, .http: .acp
            case .acpStream, .jsonRPCStream: .acpStream
            }
        }

        var path: String {
            switch self {
            case .acp, .acpStream: "/runs"
            case .jsonRPC, .jsonRPCStream: "/a2a/echo"
            case .http: "/a2a/echo/message:send"
            }
        }

        /// The body, with the same text in each protocol.
        fileprivate var body: String {
            let message = #"{"messageId":"1","role":"ROLE_USER","parts":[{"text":"Hello there, world"}]}"#
            let input = #"[{"role":"user","parts":[{"content":"Hello there, world","content_type":"text/plain"}]}]"#
            return switch self {
            case .acp: #"{"agent_name":"echo","input":\#(input)}"#
            case .acpStream: #"{"agent_name":"echo","mode":"stream","input":\#(input)}"#
            case .jsonRPC: #"{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":\#(message)}}"#
            case .jsonRPCStream:
                #"{"jsonrpc":"2.0","id":1,"method":"SendStreamingMessage","params":{"message":\#(message)}}"#
            case .http: #"{"message":\#(message)}"#
            }
        }
    }

    private let call: Call
    struct Figures {
        /// Requests in all.
        var count: Double
        /// Per second.
        var rate: Double
        /// Seconds.
        var p50: Double
        var p99: Double
    }

    private let script: String

    init(folder: URL, call: Call = .acp) throws {
        self.call = call
        script = folder.appendingPathComponent("post-\(call).lua").path
        // Each thread uses the next of the servers that are named after the script, so that connections are distributed
        // evenly.
        let text = """
            local servers, count = {}, 0
            wrk.method = "POST"
            wrk.body = '\(call.body)'
            wrk.headers["Content-Type"] = "application/json"
            wrk.headers["A2A-Version"] = "1.0"
            wrk.headers["Authorization"] = "Bearer \(benchToken)"
            for port in string.gmatch(os.getenv("BENCH_PORTS") or "", "%d+") do table.insert(servers, port) end
            function setup(thread)
                if #servers > 0 then
                    thread.addr = wrk.lookup("127.0.0.1", servers[count % #servers + 1])[1]
                    count = count + 1
                end
            end
            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: script))
    }

    /// Puts servers under load. Every response must be a success.
    func load(ports: [Int], connections: Int, seconds: Double) throws -> Figures {
        let threads = ports.count == 1 ? 1 : 4
        let text = try Command.run(
            "env",
            [
                "BENCH_PORTS=\(ports.count == 1 ? "" : ports.map(String.init).joined(separator: ","))", "wrk",
                "-t\(threads)", "-c\(connections)", "-d\(max(1, Int(seconds.rounded())))s", "--timeout", "60s",
                "--latency",
                "-s", script, "http://127.0.0.1:\(ports[0])\(call.path)",
            ])
        guard !text.contains("Non-2xx"), !text.contains("Socket errors") else {
            throw BenchError("not all responses were successful:\n\(text)")
        }
        guard let rate = field("Requests/sec:", in: text).flatMap(Double.init),
            let p50 = field("50%", in: text).flatMap(time), let p99 = field("99%", in: text).flatMap(time),
            let match = text.firstMatch(of: /([0-9]+) requests in/), let count = Double(match.1)
        else { throw BenchError("unexpected output of wrk:\n\(text)") }
        return Figures(count: count, rate: rate, p50: p50, p99: p99)
    }

    private func field(_ name: String, in text: String) -> Substring? {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == name { return words[1] }
        }
        return nil
    }

    /// `1.23ms` in seconds.
    private func time(_ text: Substring) -> Double? {
        for (unit, scale) in [("us", 1e-6), ("ms", 1e-3), ("s", 1), ("m", 60)] where text.hasSuffix(unit) {
            return Double(text.dropLast(unit.count)).map { $0 * scale }
        }
        return nil
    }
}
