import NIOEmbedded
import NIOSSL
import MetricsTestKit
import InMemoryTracing
