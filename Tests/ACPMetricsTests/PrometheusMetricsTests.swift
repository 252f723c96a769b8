// SPDX-License-Identifier: Apache-2.0

import ACPMetrics
import Metrics
import Testing

@Suite("Metrics in the text format of Prometheus")
struct PrometheusMetricsTests {
    let metrics = PrometheusMetrics()

    /// The lines of one metric.
    private func lines(_ name: String) -> [String] {
        metrics.text().split(separator: "\n").map(String.init)
            .filter { $0.hasPrefix(name) || $0.hasPrefix("# HELP \(name) ") || $0.hasPrefix("# TYPE \(name) ") }
    }

    @Test("A counter has a help line, a type line and one line per combination of labels, in their order")
    func counter() {
        Counter(label: "jobs_total", dimensions: [("kind", "b")], factory: metrics).increment(by: 3)
        Counter(label: "jobs_total", dimensions: [("kind", "a")], factory: metrics).increment()
        #expect(
            lines("jobs_total") == [
                "# HELP jobs_total jobs_total", "# TYPE jobs_total counter", #"jobs_total{kind="a"} 1"#,
                #"jobs_total{kind="b"} 3"#,
            ])
    }

    @Test("The metrics of this package have their meaning as help")
    func help() {
        Counter(label: MetricName.events.rawValue, factory: metrics).increment()
        #expect(lines("acp_events_total").first == "# HELP acp_events_total Events that were stored.")
    }

    @Test(
        "Names get the suffix of their unit, and underscores in place of what Prometheus does not allow",
        arguments: [
            ("jobs", "jobs_total"), ("jobs_total", "jobs_total"), ("http.server-jobs", "http_server_jobs_total"),
            ("9lives", "_9lives_total"), ("größe", "gr__e_total"), ("", "__total"),
        ])
    func names(_ label: String, _ expected: String) {
        Counter(label: label, factory: metrics).increment()
        #expect(lines(expected).last == "\(expected) 1")
    }

    @Test("A timer is a histogram in seconds")
    func timer() {
        let metrics = PrometheusMetrics(buckets: ["wait_seconds": [1, 0.5, .infinity, 0.5]])
        let timer = Timer(label: "wait", factory: metrics)
        timer.recordNanoseconds(500_000_000)
        timer.recordNanoseconds(750_000_000)
        timer.recordNanoseconds(2_000_000_000)
        #expect(
            metrics.text().split(separator: "\n").filter { $0.contains("wait") } == [
                "# HELP wait_seconds wait_seconds", "# TYPE wait_seconds histogram",
                #"wait_seconds_bucket{le="0.5"} 1"#, #"wait_seconds_bucket{le="1"} 2"#,
                #"wait_seconds_bucket{le="+Inf"} 3"#, "wait_seconds_sum 3.25", "wait_seconds_count 3",
            ])
    }

    @Test("A recorder is a histogram whose buckets suit its unit, and labels precede the bound")
    func recorder() {
        Recorder(label: "size_bytes", dimensions: [("kind", "a")], factory: metrics).record(1_000)
        let lines = lines("size_bytes")
        #expect(lines.contains(#"size_bytes_bucket{kind="a",le="256"} 0"#))
        #expect(lines.contains(#"size_bytes_bucket{kind="a",le="1024"} 1"#))
        #expect(lines.contains(#"size_bytes_sum{kind="a"} 1000"#))
        #expect(lines.contains(#"size_bytes_count{kind="a"} 1"#))
    }

    @Test("Gauges and meters have the last value, and meters rise and fall")
    func gauges() {
        let gauge = Gauge(label: "depth", factory: metrics)
        gauge.record(3)
        gauge.record(1.5)
        #expect(lines("depth").dropFirst() == ["# TYPE depth gauge", "depth 1.5"])
        let meter = Meter(label: "open", factory: metrics)
        meter.set(5)
        meter.increment(by: 2)
        meter.decrement()
        #expect(lines("open").last == "open 6")
    }

    @Test("A counter of fractions never decreases")
    func floatingPointCounter() {
        let counter = FloatingPointCounter(label: "seconds_total", factory: metrics)
        counter.increment(by: 0.25)
        counter.increment(by: 0.5)
        counter.increment(by: -1)
        #expect(lines("seconds_total").last == "seconds_total 0.75")
    }

    @Test("Labels are escaped, sorted, and renamed where Prometheus reserves their names")
    func labels() {
        Counter(
            label: "odd", dimensions: [("path", "a\\b\"c\nd"), ("__name", "x"), ("le", "y"), ("é", "ü")],
            factory: metrics
        ).increment()
        #expect(lines("odd_total").last == #"odd_total{_="ü",_name="x",exported_le="y",path="a\\b\"c\nd"} 1"#)
    }

    @Test(
        "Numbers are written as Prometheus reads them",
        arguments: [
            (0.1, "0.1"), (-2, "-2"), (1e20, "1e+20"), (Double.nan, "NaN"), (.infinity, "+Inf"), (-.infinity, "-Inf"),
        ])
    func numbers(_ value: Double, _ expected: String) {
        Meter(label: "number", factory: metrics).set(value)
        #expect(lines("number").last == "number \(expected)")
    }

    @Test("Handles with the same name and labels share one value, whatever the order of the labels")
    func sharing() {
        Counter(label: "shared", dimensions: [("a", "1"), ("b", "2")], factory: metrics).increment()
        Counter(label: "shared", dimensions: [("b", "2"), ("a", "1")], factory: metrics).increment()
        #expect(lines("shared_total").last == #"shared_total{a="1",b="2"} 2"#)
    }

    @Test("Of two metrics of different types with one name, the first is exported")
    func conflict() {
        Gauge(label: "twice_total", factory: metrics).record(7)
        Counter(label: "twice", factory: metrics).increment()
        #expect(lines("twice_total").dropFirst() == ["# TYPE twice_total gauge", "twice_total 7"])
    }

    @Test("A name has a limited number of combinations of labels")
    func limit() {
        let metrics = PrometheusMetrics(maximumSeries: 2)
        for kind in ["a", "b", "c"] {
            Counter(label: "many", dimensions: [("kind", kind)], factory: metrics).increment()
        }
        Counter(label: "many", dimensions: [("kind", "b")], factory: metrics).increment()
        let lines = metrics.text().split(separator: "\n").filter { $0.hasPrefix("many_total{") }
        #expect(lines == [#"many_total{kind="a"} 1"#, #"many_total{kind="b"} 2"#])
    }

    @Test("A destroyed handle is not exported any more")
    func destroy() {
        let counter = Counter(label: "short", factory: metrics)
        counter.increment()
        #expect(lines("short_total").last == "short_total 1")
        counter.destroy()
        #expect(lines("short_total").isEmpty)
    }

    @Test("Concurrent changes are all counted")
    func concurrency() async {
        let counter = Counter(label: "raced", factory: metrics)
        let meter = Meter(label: "balance", factory: metrics)
        let timer = Timer(label: "step", factory: metrics)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1_000 {
                        counter.increment()
                        meter.increment()
                        timer.recordNanoseconds(1)
                    }
                }
            }
        }
        #expect(lines("raced_total").last == "raced_total 8000")
        #expect(lines("balance").last == "balance 8000")
        #expect(lines("step_seconds_count") == ["step_seconds_count 8000"])
    }

    #if os(Linux)
        @Test("Memory, processor time, files and the start of the process are part of the export")
        func process() throws {
            let values = Dictionary(
                uniqueKeysWithValues: metrics.text().split(separator: "\n").filter { $0.hasPrefix("process_") }
                    .map { $0.split(separator: " ") }.map { (String($0[0]), Double($0[1]) ?? -1) })
            #expect(try #require(values["process_resident_memory_bytes"]) > 1_000_000)
            #expect(try #require(values["process_cpu_seconds_total"]) >= 0)
            #expect(try #require(values["process_start_time_seconds"]) > 1_600_000_000)
            let files = try #require(values["process_open_fds"])
            #expect(files > 0)
            #expect(try #require(values["process_max_fds"]) >= files)
        }
    #endif

    @Test("The names of this package follow the conventions of Prometheus, each is used once")
    func conventions() {
        for name in MetricName.allCases {
            #expect(name.rawValue.allSatisfy { $0.isASCII && ($0.isLowercase || $0 == "_") }, "\(name.rawValue)")
            #expect(name.help.hasSuffix("."), "\(name.help)")
        }
        #expect(Set(MetricName.allCases.map(\.help)).count == MetricName.allCases.count)
    }
}
