// SPDX-License-Identifier: Apache-2.0

import ACPTracing
import Testing
import Tracing

@Suite("W3C trace context")
struct TraceContextTests {
    private static let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test("A valid traceparent is kept as it is, with its tracestate")
    func valid() throws {
        let context = try #require(TraceContext(parent: Self.parent, state: "vendor=1,other=2"))
        #expect(context.parent == Self.parent)
        #expect(context.state == "vendor=1,other=2")
        #expect(context.traceID == "0af7651916cd43dd8448eb211c80319c")
    }

    @Test("Later versions may append something")
    func laterVersion() {
        let parent = "01" + Self.parent.dropFirst(2)
        #expect(TraceContext(parent: parent, state: nil) != nil)
        #expect(TraceContext(parent: parent + "-more", state: nil) != nil)
        #expect(TraceContext(parent: parent + "more", state: nil) == nil)
    }

    @Test(
        "What is not a traceparent is ignored",
        arguments: [
            nil, "", "00", Self.parent + "-more", Self.parent.uppercased(), "ff" + Self.parent.dropFirst(2),
            String(Self.parent.dropLast()),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01",
            "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01", "\r\n" + Self.parent.dropFirst(2),
        ])
    func invalid(_ parent: String?) {
        #expect(TraceContext(parent: parent, state: "vendor=1") == nil)
    }

    @Test(
        "A tracestate that cannot be sent is left out",
        arguments: ["", "a=\r\nb", "a=ü", String(repeating: "a", count: 513)])
    func invalidState(_ state: String) throws {
        #expect(try #require(TraceContext(parent: Self.parent, state: state)).state == nil)
    }

    @Test("Without a tracer, the fields of a context are those with which the request came")
    func fields() throws {
        var context = ServiceContext.topLevel
        #expect(TraceFields(of: context, nil).values.isEmpty)
        context.traceContext = TraceContext(parent: Self.parent, state: "vendor=1")
        let fields = TraceFields(of: context, nil)
        #expect(fields.values == ["traceparent": Self.parent, "tracestate": "vendor=1"])
        var copy = ServiceContext.topLevel
        fields.extract(into: &copy, nil)
        #expect(copy.traceContext == context.traceContext)
    }
}
