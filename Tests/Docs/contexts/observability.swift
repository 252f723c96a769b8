// SPDX-License-Identifier: Apache-2.0

// What the snippets of docs/observability.md take for granted.
import ACPMetrics
import ACPRedis
import ACPServer
import Logging
import Metrics
import Tracing

var tracer: NoOpTracer { fatalError("never run") }
