// SPDX-License-Identifier: Apache-2.0

import ACPMetrics
import HTTPTypes
import Hummingbird
import NIOCore

/// `/metrics`, in the text format of Prometheus.
struct MetricsRoutes: Sendable {
    let engine: RunEngine
    let metrics: PrometheusMetrics

    func add(to group: some RouterMethods<some RequestContext>) {
        group.get("metrics") { [self] _, _ in
            engine.recordMetrics()
            return Response(
                status: .ok, headers: [.contentType: PrometheusMetrics.contentType, .cacheControl: "no-store"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: metrics.text())))
        }
    }
}
